package report

// Paragraph returns words on as many lines as the text of a report would take
// for them: the first behind head, the others behind indent, which is not
// longer. All are escaped already; width is that of Options. It ends with a
// line feed.
func Paragraph(head, words, indent string, width int) string {
	t := &text{width: columnsOf(width)}
	t.wrappedUnder(head, words, indent)
	return t.String()
}

// columnsOf is the width that text is written for, see Options.
func columnsOf(width int) int {
	if width == 0 {
		width = 100
	}
	return max(width, 60)
}
