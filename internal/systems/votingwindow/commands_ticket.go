package votingwindow

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// privateKeyBlock is the type of a PEM block with a key in PKCS #8 (RFC 7468,
// section 10), as openssl genpkey -algorithm ed25519 writes it.
const privateKeyBlock = "PRIVATE KEY"

// ticketed is one voter's ticket.
type ticketed struct {
	Voter  string `json:"voter"`
	Ticket string `json:"ticket"`
}

// madeKey is what a new pair of keys leaves behind.
type madeKey struct {
	PublicKey string `json:"public_key"` // PKIX in PEM, as the argument ticket_public_key takes it.
	Key       string `json:"key"`        // The file with the private one.
}

func ticketCommand() command.Command {
	return command.Command{
		Name: "ticket", Short: "Sign the tickets of a voting window's voters",
		Long: `Signs identifiers, one in each line, for a window that asks its voters for tickets, and writes identifier and ticket, with a tab between them. It works offline: NAME is the window's name, which tickets are good for alone.
With --new it makes a pair of keys instead: the private one goes to the file, which must not be there, and the public one, for the window's argument, to the output.`,
		Example: `  terraform-provider-serverless ticket voting_window tv-final --key private.pem --new
  terraform-provider-serverless ticket voting_window tv-final --key private.pem --file voters.txt > tickets.tsv`,
		Flags: []command.Flag{
			{Name: "key", Usage: "file with the private key: Ed25519, PKCS #8, PEM", Default: ""},
			{Name: "file", Usage: "file with an identifier in each line, or - for standard input", Default: "-"},
			{Name: "new", Usage: "make a new pair of keys", Default: false},
		},
		Run: func(_ context.Context, call *command.Call) (command.Answer, error) {
			file := command.Value[string](call, "key")
			if file == "" {
				return command.Answer{}, command.Usage("--key is missing; give the file with the private key, or the one that --new shall make")
			}
			if command.Value[bool](call, "new") {
				return newKey(file)
			}
			key, err := privateKey(file)
			if err != nil {
				return command.Answer{}, err
			}
			voters, err := identifiersIn(command.Value[string](call, "file"), call.In)
			if err != nil {
				return command.Answer{}, err
			}
			tickets := make([]ticketed, len(voters))
			var text strings.Builder
			for i, voter := range voters {
				tickets[i] = ticketed{voter, votingwindow.Ticket(key, call.Name, voter)}
				fmt.Fprintf(&text, "%s\t%s\n", voter, tickets[i].Ticket)
			}
			return command.Answer{JSON: tickets, Text: text.String()}, nil
		},
	}
}

func newKey(file string) (command.Answer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return command.Answer{}, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return command.Answer{}, fmt.Errorf("make a key: %w", err)
	}
	shown, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return command.Answer{}, fmt.Errorf("make a key: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own file
	if errors.Is(err, os.ErrExist) {
		return command.Answer{}, command.Usage("--key: %s is there already, and whoever's tickets it signs need it; give another file", file)
	}
	if err != nil {
		return command.Answer{}, fmt.Errorf("make the key's file: %w", err)
	}
	err = pem.Encode(f, &pem.Block{Type: privateKeyBlock, Bytes: der})
	if err := errors.Join(err, f.Close()); err != nil {
		return command.Answer{}, fmt.Errorf("write the key to %s: %w", file, err)
	}
	made := madeKey{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: shown})), file}
	return command.Answer{JSON: made, Text: made.PublicKey}, nil
}

func privateKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, command.Usage("--key: %v", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != privateKeyBlock {
		return nil, command.Usage("--key: %s has no PEM block %q", file, privateKeyBlock)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, command.Usage("--key: %s: %v", file, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, command.Usage("--key: %s is no Ed25519 key", file)
	}
	return key, nil
}

// identifiersIn reads identifiers, one in each line. Empty lines are none.
func identifiersIn(file string, in io.Reader) ([]string, error) {
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the operator's own file
		if err != nil {
			return nil, command.Usage("--file: %v", err)
		}
		defer f.Close() //nolint:errcheck // nothing was written
		in = f
	}
	var out []string
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		voter := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff")) // Spreadsheets write a byte order mark.
		switch {
		case voter == "":
			continue
		case len(voter) > votingwindow.MaxVoterBytes || !utf8.ValidString(voter) || strings.ContainsFunc(voter, unicode.IsControl):
			return nil, command.Usage("--file: line %d is no identifier: at most %d bytes of UTF-8 without control characters", n, votingwindow.MaxVoterBytes)
		}
		out = append(out, voter)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the identifiers: %w", err)
	}
	if len(out) == 0 {
		return nil, command.Usage("--file: there is no identifier in it")
	}
	return out, nil
}
