// Package public is what the world reaches: signed webhooks, the JSON API, the
// pages behind the links in mails, health and metrics.
//
// It promises that nothing is answered 2xx that is not stored, that a webhook is
// believed only after its signature held over the raw body, that a GET changes
// nothing, that every body is limited, and that no page or log line shows a
// secret. What an event does is intake's, who may be mailed consent's; pages for
// signed-in marketers are the console's.
package public
