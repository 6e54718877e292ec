package localaws

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
)

// adminPrefix is the gate's own corner, for other processes on this machine: the demo, a shell.
//
//	GET    /_gate/meter    counts by service, operation and caller
//	GET    /_gate/calls    the calls that the meter has kept
//	POST   /_gate/faults   arms one fault, as JSON
//	GET    /_gate/faults   the calls that faults have hit
//	DELETE /_gate/faults   takes all faults away
const adminPrefix = "/_gate/"

// maxAdminBody bounds what the admin endpoint reads, in bytes.
const maxAdminBody = 1 << 20

func isAdmin(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, adminPrefix) }

// isServerOwn tells the paths of the server's own administration, which are no calls to AWS.
func isServerOwn(path string) bool { return strings.HasPrefix(path, "/_ministack/") }

// counted is one line of the meter.
type counted struct {
	Key
	Figures
}

func (g *Gate) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if !fromLoopback(r) {
		http.Error(w, "the gate is administered from this machine only", http.StatusForbidden)
		return
	}
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, adminPrefix) {
	case "GET meter":
		counts := g.meter.Snapshot()
		lines := make([]counted, 0, len(counts))
		for _, key := range counts.Keys() {
			lines = append(lines, counted{key, counts[key]})
		}
		g.writeJSON(w, map[string]any{"total": counts.Total(), "counts": lines})
	case "GET calls":
		g.writeJSON(w, g.meter.Calls(Mark{}))
	case "GET faults":
		g.writeJSON(w, g.faults.Hits())
	case "POST faults":
		var fault Fault
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
		decoder.DisallowUnknownFields() // a misspelt field would match anything
		if err := decoder.Decode(&fault); err != nil {
			http.Error(w, "decode the fault: "+err.Error(), http.StatusBadRequest)
			return
		}
		if _, err := g.faults.Add(fault); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
	case "DELETE faults":
		g.faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "the gate has GET meter, GET calls and GET, POST and DELETE faults below "+adminPrefix, http.StatusNotFound)
	}
}

func (g *Gate) writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		g.proxy.ErrorLog.Printf("write to the administrator: %v", err)
	}
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
