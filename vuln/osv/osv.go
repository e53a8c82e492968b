// Package osv keeps advisories: it reads records in OSV's format, compiles
// them into one immutable snapshot file, and answers from it.
//
// [Update] compiles from a local folder or from OSV's bucket and makes the
// snapshot current in a folder, [OpenCurrent] opens it; [Cached] does both for
// a folder of advisories that the user names. A [DB] is a vuln.Source.
//
// A snapshot is one flat, sorted, memory-mapped file of which every block is
// covered by a hash tree, whose digest is the file's name. Opening it reads
// 4 KiB; a look-up reads and checks the few blocks that it needs, and fails on
// an altered file instead of finding nothing. The same records give the same
// bytes, whatever their order and wherever they come from. Beside what matching
// reads it keeps every record as its source wrote it ([DB.Lookup]), from which
// an update merges what has changed. docs/SNAPSHOT.md has the format.
//
// A record that does not hold to OSV's schema is set aside and counted, with
// its reason, and never makes an update fail; an archive or a transfer that is
// damaged always does. https://ossf.github.io/osv-schema/
//
// A snapshot holds what the records say. The few that do not say which versions
// they affect, and of which it is known from elsewhere, are corrected when they
// are looked up, from corrections.json; what is found by it names the
// correction and its source.
package osv
