// Package staff is who may use the console and the API, and what people did: users with
// their roles, how they sign in, their sessions, bearer tokens, and the audit.
//
// It promises that nothing which lets somebody in can be read from the database:
// passwords are kept as argon2id, links, sessions and tokens as SHA-256 of 256 random bits, of
// passkeys what they are checked by. What a browser is asked for a passkey or a provider
// of OIDC is good once, for five minutes, and for that browser alone.
// A link is good once and for an hour; a session ends when it is not used for 12
// hours, after 30 days, and at once with a change of the role or the password, and when a passkey is removed. Who
// tries too often waits, in all replicas together; an account that there is not takes
// as long to be refused as one that there is.
//
// What a role may do is the console's table of routes. Rows of the audit are written
// by whoever acts, in the transaction of the act.
package staff
