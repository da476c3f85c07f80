// Package norms knows what all members together are like on a day: how long they
// usually wait between orders, and whatever else a member's own figures are held
// against. It computes them in SQL from the facts, keeps those of each day, and
// gives them to whoever asks a rule.
//
// It promises that the norms of a day are those of its facts: today's are computed
// once a night, and again after an import; those of an earlier day are computed
// when somebody asks. What the figures mean is told in segments.
package norms
