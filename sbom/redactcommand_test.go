package sbom_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// The secrets of the lines below; not one of them may be left.
const secret = "s3cr3tvalue"

// TestRedactCommand reads lines as builders write them into histories.
func TestRedactCommand(t *testing.T) {
	for _, test := range []struct{ line, want, instruction string }{
		// BuildKit.
		{"RUN /bin/sh -c pip install -r requirements.txt # buildkit", "RUN /bin/sh -c pip install -r requirements.txt # buildkit", "RUN pip install -r requirements.txt"},
		{"RUN |2 TOKEN=" + secret + " FOO=x /bin/sh -c pip install . # buildkit", "RUN |2 TOKEN=*** FOO=*** /bin/sh -c pip install . # buildkit", "RUN pip install ."},
		{"RUN |1 NOTE=two words " + secret + " /bin/bash -o pipefail -c make # buildkit", "RUN |1 NOTE=*** /bin/bash -o pipefail -c make # buildkit", "RUN make"},
		{"RUN |1 NOTE=" + secret + " python -m build # buildkit", "RUN |1 NOTE=*** ***", "RUN ***"},
		{"RUN |3 A=1 B=" + secret, "RUN |3 A=*** B=*** ***", "RUN ***"},
		{"COPY --chown=user:user . /app # buildkit", "COPY --chown=user:user . /app # buildkit", "COPY --chown=user:user . /app"},
		{"ENV HF_TOKEN=" + secret + " with words GRADIO_SERVER_PORT=7860", "ENV HF_TOKEN=*** GRADIO_SERVER_PORT=7860", "ENV HF_TOKEN=*** GRADIO_SERVER_PORT=7860"},
		{"ARG API_KEY=" + secret, "ARG API_KEY=***", "ARG API_KEY=***"},
		{"WORKDIR /app", "WORKDIR /app", "WORKDIR /app"},
		{"SHELL [/bin/bash -o pipefail -c]", "SHELL [/bin/bash -o pipefail -c]", "SHELL [/bin/bash -o pipefail -c]"},
		// docker's first builder, buildah.
		{`/bin/sh -c #(nop)  CMD ["python3"]`, `/bin/sh -c #(nop)  CMD ["python3"]`, `CMD ["python3"]`},
		{"/bin/sh -c #(nop) COPY file:0af3cd in /app/ ", "/bin/sh -c #(nop) COPY file:0af3cd in /app/ ", "COPY file:0af3cd in /app/"},
		{"/bin/sh -c #(nop)  ENV PASSWORD=" + secret, "/bin/sh -c #(nop)  ENV PASSWORD=***", "ENV PASSWORD=***"},
		{"/bin/sh -c #(nop) ENV DB_PASSWORD " + secret + " more", "/bin/sh -c #(nop) ENV DB_PASSWORD ***", "ENV DB_PASSWORD ***"},
		{"|1 PIP_TOKEN=" + secret + " /bin/sh -c pip install -U pip", "|1 PIP_TOKEN=*** /bin/sh -c pip install -U pip", "RUN pip install -U pip"},
		{"/bin/sh -c set -eux; \t\tapt-get update; \trm -rf /x", "/bin/sh -c set -eux; \t\tapt-get update; \trm -rf /x", "RUN set -eux; apt-get update; rm -rf /x"},
		// kaniko.
		{"RUN pip install tokenizers==0.15 google-auth==2.0", "RUN pip install tokenizers==0.15 google-auth==2.0", "RUN pip install tokenizers==0.15 google-auth==2.0"},
		// What is no Dockerfile.
		{"bazel build ...", "bazel build ...", "bazel build ..."},
		{"ko build ko://example.com/app", "ko build ko://example.com/app", "ko build ko://example.com/app"},
		{"jib-maven-plugin:3.4.0", "jib-maven-plugin:3.4.0", "jib-maven-plugin:3.4.0"},
		{"store paths: ['/nix/store/0c1z-glibc-2.39']", "store paths: ['/nix/store/0c1z-glibc-2.39']", "store paths: ['/nix/store/0c1z-glibc-2.39']"},
		{"", "", ""},
		// Commands with secrets.
		{"RUN pip install --index-url https://me:" + secret + "@pypi.example.com/simple app", "RUN pip install --index-url https://pypi.example.com/simple app", ""},
		{"RUN pip install git+https://" + secret + "0123456789abc@github.com/o/r", "RUN pip install git+https://github.com/o/r", ""},
		{`RUN curl -H "Authorization: Bearer ` + secret + `" https://e.com/x && ls`, `RUN curl -H "Authorization: ***" https://e.com/x && ls`, ""},
		{`RUN curl -H 'PRIVATE-TOKEN: ` + secret + `' https://e.com`, `RUN curl -H 'PRIVATE-TOKEN: ***' https://e.com`, ""},
		{"RUN curl -u me:" + secret + " https://e.com", "RUN curl -u *** https://e.com", ""},
		{"RUN tool --password " + secret + " --user me", "RUN tool --password *** --user me", ""},
		{`RUN tool --api-key="` + secret + ` two" run`, `RUN tool --api-key=*** run`, ""},
		{`RUN sh -c "tool --token=` + secret + `" && make "x"`, `RUN sh -c "tool --token=***" && make "x"`, ""},
		{`RUN T=ab TOKEN=a"` + secret + ` b"c make`, `RUN T=ab TOKEN=*** make`, ""},
		{"RUN TOKEN=$TOKEN make --token ${TOKEN} --secret $(cat /run/secrets/t)", "RUN TOKEN=$TOKEN make --token ${TOKEN} --secret $(cat /run/secrets/t)", ""},
		{"RUN npm config set //registry.npmjs.org/:_authToken " + secret, "RUN npm config set //registry.npmjs.org/:_authToken ***", ""},
		{"RUN echo //r.example.com/:_authToken=" + secret + " > .npmrc", "RUN echo //r.example.com/:_authToken=*** > .npmrc", ""},
		{"RUN echo machine github.com login me password " + secret + " > ~/.netrc", "RUN echo machine github.com login me password *** > ~/.netrc", ""},
		{"RUN sshpass -p " + secret + " scp a b:c", "RUN sshpass -p *** scp a b:c", ""},
		{"RUN docker login -u me -p " + secret + " r.example.com", "RUN docker login -u me -p *** r.example.com", ""},
		{"RUN mkdir -p /app && cp -p a b", "RUN mkdir -p /app && cp -p a b", ""},
		{"RUN echo 'root:" + secret + "' | chpasswd", "RUN echo *** | chpasswd", ""},
		{"RUN echo " + secret + " | docker login --password-stdin", "RUN echo *** | docker login --password-stdin", ""},
		{`RUN echo '{"auth": "` + secret + `"}' > /root/.docker/config.json`, `RUN echo '{"auth": ***}' > /root/.docker/config.json`, ""},
		{"RUN printf 'aws_secret_access_key = " + secret + "' > /root/.aws/credentials", "RUN printf 'aws_secret_access_key = ***' > /root/.aws/credentials", ""},
		{"RUN echo '-----BEGIN RSA PRIVATE KEY-----\n" + secret + "\n-----END RSA PRIVATE KEY-----' > k", "RUN echo '***' > k", ""},
		{"RUN export FOO=TOKEN=" + secret + "; make", "RUN export FOO=TOKEN=*** make", ""},
		{"RUN huggingface-cli login --token hf_abcdefghijklmnopqrstuvwxyz012345", "RUN huggingface-cli login --token ***", ""},
		{"RUN huggingface-cli login hf_abcdefghijklmnopqrstuvwxyz012345", "RUN huggingface-cli login ***", ""},
		{"RUN git config --global http.extraheader 'AUTHORIZATION: basic " + secret + "=='", "RUN git config --global http.extraheader 'AUTHORIZATION: ***'", ""},
	} {
		got := sbom.RedactCommand(test.line)
		if got != test.want {
			t.Errorf("RedactCommand(%q)\n got %q\nwant %q", test.line, got, test.want)
		}
		if strings.Contains(got, secret) {
			t.Errorf("RedactCommand(%q) shows the secret", test.line)
		}
		if again := sbom.RedactCommand(got); again != got {
			t.Errorf("RedactCommand(%q) again: %q", got, again)
		}
		if test.instruction == "" && test.line != "" {
			continue
		}
		if got := sbom.Instruction(got); got != test.instruction {
			t.Errorf("Instruction(%q): got %q, want %q", test.line, got, test.instruction)
		}
	}
}

// TestRedactWords: an option and its value are words of their own.
func TestRedactWords(t *testing.T) {
	in := []string{"python", "app.py", "--token", secret, "--port", "7860", "--password", "--share", "--key=" + secret, "--auth", "$AUTH", "https://u:" + secret + "@h/"}
	want := []string{"python", "app.py", "--token", "***", "--port", "7860", "--password", "--share", "--key=***", "--auth", "$AUTH", "https://h/"}
	if diff := cmp.Diff(want, sbom.RedactWords(in)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzRedactCommand: what is redacted stays the same when it is again, a secret
// behind a name that says so is never left, and a line of a Dockerfile without
// anything secret is what it was.
func FuzzRedactCommand(f *testing.F) {
	for _, seed := range []string{
		"RUN |2 A=b TOKEN=x /bin/sh -c make", "ENV A=b TOKEN=c d E=f", `RUN a --token="x y" b`, "RUN curl -u a:b x", `echo '{"auth": "x"}'`,
		"RUN x\n-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----", "a=b=c=d", "|1 ", "RUN TOKEN=$(cat x) y", "set a b", `x "`, `TOKEN='`, `TOKEN=a\`,
	} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, line, word string) {
		got := sbom.RedactCommand(line)
		if again := sbom.RedactCommand(got); again != got {
			t.Errorf("%q gives %q, and that %q", line, got, again)
		}
		sbom.Instruction(got)
		if word = plain(word); len(word) < 8 || strings.Contains(line, word) {
			return
		}
		for _, secretive := range []string{" --token " + word, " MY_PASSWORD=" + word, " --api-key='" + word + "'", ` {"secret": "` + word + `"}`} {
			if got := sbom.RedactCommand("RUN make" + secretive); strings.Contains(got, word) {
				t.Errorf("%q is left of %q", got, secretive)
			}
		}
	})
}

// plain keeps the letters and digits of a text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
