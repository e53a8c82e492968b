package space

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
)

func scanners() hubRule {
	return hubRule{lint.Rule{
		ID: "GR-HFS-11", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "The Hub's scanners warn of no file of the Space",
		Why:    "The Hub looks for malware, for pickles that run code and for secrets in what is pushed; a file that they call unsafe may run code when the Space loads it. The rule speaks only when --hub gives their results. Whether commits are signed is not judged: that needs git's history.",
		Remedy: "Remove the file, also from history if it holds a secret, and find out who pushed it; keep weights as safetensors.",
		Bad:    "{\"id\": \"owner/app\", \"sdk\": \"gradio\", \"securityRepoStatus\": {\"scansDone\": true, \"filesWithIssues\": [\n  {\"path\": \"model.pkl\", \"level\": \"unsafe\"}]}}\n",
		Good:   "{\"id\": \"owner/app\", \"sdk\": \"gradio\", \"securityRepoStatus\": {\"scansDone\": true, \"filesWithIssues\": [\n  ]}}\n",
		Source: "https://huggingface.co/docs/hub/security",
	}, func(p *hubPass) {
		for _, i := range p.Issues {
			message := fmt.Sprintf("the Hub's scanners call %s %s", shown(i.Path), shown(i.Level))
			if i.Level == "unsafe" || i.Level == "infected" || i.Level == "dangerous" {
				p.gravely(i.Line, message)
			} else {
				p.report(i.Line, message)
			}
		}
		if p.Scanned && !p.ScansDone {
			p.mildly(p.ScansLine, "the Hub's scanners have not looked at everything yet")
		}
	}}
}
