// Package wirelog keeps, in a file that outlives its process, which mails one worker has
// begun to hand over and what the relay answered, so that of a worker that was killed
// only those few are unknown whose bodies were on the wire in that moment.
//
// It promises that what Begin and Answer have returned for is there after the process
// was killed, however it was killed: the pages are the kernel's. They are not there after
// the machine went down, and a log does not count then: it names the boot in which it was
// written, and only a worker of the same boot reads it. It is locked as long as its
// process lives. It holds ids and reply codes, and nothing about anybody.
//
// A log is a line that says whose it is, and a ring of slots of a size that never grows.
// A slot is kept until its mail is recorded in the database; then it is written anew, the
// oldest first. Each has a checksum, and one that cannot be read says only that something
// is missing.
//
// It leaves to others which marks in the database a log speaks for, and what is to be
// done about them (delivery).
package wirelog
