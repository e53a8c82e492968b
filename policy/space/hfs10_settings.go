package space

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

func settings() hubRule {
	return hubRule{lint.Rule{
		ID: "GR-HFS-10", Aliases: []string{"GR-SEC-04"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A Space's settings on the Hub keep its secrets, and run what its repository holds",
		Why:    "Variables are public and copied with the Space, so that a secret among them is everybody's; in dev mode the running container is changed by hand, and what visitors use is not what was audited. The settings are not in the repository: the rule speaks only when --hub gives the Hub's answer.",
		Remedy: "Delete a variable that is secret, revoke its value and make it a secret; switch dev mode off; let the Space sleep, and have users sign in where the owner's secrets pay for what they do.",
		Bad:    "{\"id\": \"owner/app\", \"sdk\": \"gradio\", \"private\": false,\n \"variables\": {\"OPENAI_API_KEY\": {}}, \"secrets\": {}}\n",
		Good:   "{\"id\": \"owner/app\", \"sdk\": \"gradio\", \"private\": false, \"cardData\": {\"hf_oauth\": true},\n \"variables\": {}, \"secrets\": {\"OPENAI_API_KEY\": {}}}\n",
		Source: "https://huggingface.co/docs/hub/spaces-overview#managing-secrets",
	}, func(p *hubPass) {
		for _, v := range p.Variables {
			if v.Set && lint.NamesSecret(v.Name) {
				p.gravely(v.Line, fmt.Sprintf("the variable %s looks like a secret: variables are public, and copied with the Space", shown(v.Name)))
			}
		}
		if p.DevMode.On {
			p.report(p.DevMode.Line, "dev mode is on: the running container can be entered and changed, and is not what the repository holds")
		}
		p.forAnybody()
	}}
}

// forAnybody says what strangers use of the owner's when nobody signs in.
func (p *hubPass) forAnybody() {
	open := p.Visibility.Value == "public" || p.Visibility.Value == "protected"
	if !open || p.OAuth {
		return
	}
	var names []string
	for _, s := range p.Secrets {
		if names = append(names, shown(s.Name)); len(names) == 5 && len(p.Secrets) > 5 {
			names = append(names, fmt.Sprintf("%d more", len(p.Secrets)-5))
			break
		}
	}
	if len(names) > 0 {
		p.mildly(p.Secrets[0].Line, fmt.Sprintf("anybody can use the application without signing in, and with it what these secrets are good for: %s", strings.Join(names, ", ")))
	}
	if hardware := p.Hardware.Value; hardware != "" && hardware != "cpu-basic" && !strings.HasPrefix(hardware, "zero-") && !p.Sleeps {
		p.mildly(p.Hardware.Line, fmt.Sprintf("the Space never sleeps on paid hardware (%s), and anybody can use it", shown(hardware)))
	}
	if p.Storage.Value != "" {
		p.mildly(p.Storage.Line, fmt.Sprintf("what visitors leave in the Space's storage (%s) outlives a restart, and anybody can be one", shown(p.Storage.Value)))
	}
}
