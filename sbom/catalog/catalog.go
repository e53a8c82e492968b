// Package catalog reads what syft's catalogers read well: the locks of npm,
// yarn and pnpm, and installed Python distributions. [Folder] is for a folder,
// [Python] for the files of an image layer.
//
// The catalogers are called directly, each on one file that is in memory, so
// that they reach no network, follow no link and scan no licence. What they
// refuse becomes a gap, and so does what they leave out without a word.
package catalog
