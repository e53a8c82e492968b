package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy/lint"
)

func (a *app) rulesCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "rules [ID...]",
		Short: "List the lint rules, and say what each one means",
		Long: `List the lint rules: the identifier that findings carry, how grave a finding is,
whether the rule runs without --enable, and what it asserts. With the identifier
of a rule, or one that another tool has for it, say why, what to change, with an
example, and what the rule rests on. A finding may be milder than its rule.`,
		Example: `  tallyman rules
  tallyman rules DL3008 TM-DRIFT-01
  tallyman rules GR-HFS-12 --format json`,
		ValidArgsFunction: ruleIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := rulesNamed(args)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				return writeRules(a.env.Stdout, rules, len(args) > 0)
			case "json":
				enc := json.NewEncoder(a.env.Stdout)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(rules)
			}
			return usagef("tallyman rules --help", "unknown format %q: there are text, json", format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	must(cmd.RegisterFlagCompletionFunc("format", words("text", "json")))
	return cmd
}

// ruleIDs completes the identifiers.
func ruleIDs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, r := range audit.Rules() {
		out = append(out, r.ID+"\t"+r.Title)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// rulesNamed returns the rules that have one of the identifiers, all without
// any, sorted.
func rulesNamed(ids []string) ([]lint.Rule, error) {
	all := audit.Rules()
	for _, id := range ids {
		if !audit.HasRule(id) {
			return nil, usagef("tallyman rules", "%q: there is no such rule", id)
		}
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(all, func(r lint.Rule) bool { return !slices.ContainsFunc(ids, r.Named) })
	}
	slices.SortStableFunc(all, func(a, b lint.Rule) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Title, b.Title))
	})
	return all, nil
}

// writeRules writes a line for each rule, or all that is known of each.
func writeRules(w io.Writer, rules []lint.Rule, whole bool) error {
	if whole {
		for i := range rules {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := writeRule(w, &rules[i]); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tSEVERITY\tRISK\tRUNS\tASSERTS")
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.Risk, runs(r), r.Title)
	}
	return table.Flush()
}

// runs says when a rule does.
func runs(r *lint.Rule) string {
	if r.Default {
		return "always"
	}
	return "--enable"
}

// writeRule writes all that is known of a rule.
func writeRule(w io.Writer, r *lint.Rule) error {
	fmt.Fprintf(w, "%s  %s\n", r.ID, r.Title)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  severity\t%s, risk %s\n", r.Severity, r.Risk)
	if r.Default {
		fmt.Fprintf(table, "  runs\talways\n")
	} else {
		fmt.Fprintf(table, "  runs\twith --enable %s\n", r.ID)
	}
	if len(r.Aliases) > 0 {
		fmt.Fprintf(table, "  also\t%s\n", strings.Join(r.Aliases, ", "))
	}
	fmt.Fprintf(table, "  why\t%s\n  fix\t%s\n  source\t%s\n", r.Why, r.Remedy, r.Source)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, e := range []struct{ word, text string }{{"bad", r.Bad}, {"good", r.Good}} {
		if e.text != "" {
			fmt.Fprintf(w, "  %s\n", e.word)
			for line := range strings.SplitSeq(strings.TrimRight(e.text, "\n"), "\n") {
				fmt.Fprintln(w, strings.TrimRight("    "+line, " "))
			}
		}
	}
	return nil
}
