package cli

import "runtime/debug"

// steadyCollector takes back what tuneCollector did as the program started,
// for a command whose heap is large or lives long.
func (a *app) steadyCollector() {
	if a.env.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
}
