// Package console is the marketer's desk in the browser: what needs a person, what goes
// out, campaigns, runs, members and segments, under /console of the same binary.
//
// Pages hold no rule, no SQL and no invariant: what they show they ask of report, why and
// marketing, and what people do there is what marketing does for the command line. One
// table (routes) says which pages there are and which role each needs; nothing is
// answered that is not in it. The pages work without script, by plain links and forms;
// one script looks again at what is under way, and counts while a rule is typed; another
// asks the browser for passkeys, beside which passwords work without script.
//
// It promises that a GET changes nothing but who has signed in (OIDC), that no other site can post here, that no page
// runs a script but ours, that no name and no address of a member stands in a path, a
// query or a log line, and that viewers see none at all. On the embedded default whoever
// asks from the machine itself is asked for no name; from elsewhere, and on everything
// else, one signs in (staff).
package console
