// A bank's side of holdfast_json that answers a stop rightly, to begin from. Go 1.19 or later, the standard library only.
//
//	go run bank.go PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE
//
// CERT KEY: this bank's own; CA: who signed the centre's client certificate; CENTRE_PUB: the centre's signing key, ECDSA P-256;
// ACCOUNTS: lines of KIND NUMBER NAME, as holdfast-kit reads them (your core banking system stands here);
// STORE: every answer is here, on disk, before it is sent: an order that comes again is answered from it and done once.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const bodyMax = 64 * 1024
const kind = "application/vnd.holdfast.order.v1+json"
const actions = " stop query extend lift freeze renew unfreeze holder accounts holds serial monitor unmonitor paper return suspect block "

type order struct {
	Version     int    `json:"version"`
	Action      string `json:"action"`
	ID          string `json:"order_id"`
	Institution string `json:"institution"`
	Account     *struct {
		Number *string `json:"number"`
		Name   *string `json:"name"`
	} `json:"account"`
	Transfer struct {
		Amount string `json:"amount"`
	} `json:"transfer"`
}

type hold struct {
	Order   string `json:"order_id"`
	Kind    string `json:"kind"`
	Expires string `json:"expires_at"`
}

type feedback struct {
	Result   string `json:"result"`
	Executed string `json:"executed_at,omitempty"`
	Expires  string `json:"expires_at,omitempty"`
	Balance  string `json:"balance,omitempty"`
	Held     string `json:"held,omitempty"`
	Holds    []hold `json:"holds,omitempty"`
}

type answer struct {
	Order       string    `json:"order_id"`
	Institution string    `json:"institution"`
	Reference   string    `json:"reference"`
	Feedback    *feedback `json:"feedback,omitempty"`
}

type stored struct {
	Order   string `json:"order"`
	Digest  string `json:"sha256"`
	Account string `json:"account"`
	Answer  string `json:"answer"`
}

type refused struct {
	status int
	why    string
}

func (r refused) Error() string { return r.why }

type stop struct {
	order string
	ends  time.Time
}

type bank struct {
	code     string
	centre   *ecdsa.PublicKey
	accounts map[string][2]string // number → kind, name
	mutex    sync.Mutex
	answered map[string]stored
	stops    map[string]stop
	asked    map[string]time.Time // late orders
	store    *os.File
}

// DSSE's pre-authentication encoding: the type is inside what is signed, both with their length in bytes.
func (b *bank) checkSignature(body []byte, header string) error {
	digest := sha256.Sum256([]byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(body), body)))
	signature, err := base64.StdEncoding.DecodeString(header)
	if err != nil || !ecdsa.VerifyASN1(b.centre, digest[:], signature) {
		return refused{401, "Holdfast-Signature: not the centre's over these bytes"}
	}
	return nil
}

// encoding/json takes the last of two equal keys: what was signed must have one meaning.
func hasKeyTwice(decoder *json.Decoder) (bool, error) {
	token, err := decoder.Token()
	if err != nil {
		return false, err
	}
	if delim, ok := token.(json.Delim); ok {
		keys := map[string]bool{}
		for decoder.More() {
			if delim == '{' {
				key, err := decoder.Token()
				if err != nil || keys[key.(string)] {
					return true, err
				}
				keys[key.(string)] = true
			}
			if twice, err := hasKeyTwice(decoder); twice || err != nil {
				return twice, err
			}
		}
		_, err = decoder.Token()
	}
	return false, err
}

func (b *bank) readOrder(body []byte) (*order, error) {
	var o order
	twice, err := hasKeyTwice(json.NewDecoder(bytes.NewReader(body)))
	if err != nil || twice || !utf8.Valid(body) || json.Unmarshal(body, &o) != nil {
		return nil, refused{400, "the body is no order"}
	}
	// fields that we do not know are passed over: later versions of the centre add some
	if o.Version != 1 || !strings.Contains(actions, " "+o.Action+" ") || o.Institution != b.code || o.ID == "" || o.Account == nil || o.Account.Number == nil || o.Account.Name == nil {
		return nil, refused{400, "version, action, institution, order_id or account is not as it must be"}
	}
	return &o, nil
}

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// What the bank does: here its accounts are a file, and it knows stops only.
func (b *bank) feedback(o *order, now time.Time) *feedback {
	account, known := b.accounts[*o.Account.Number]
	ours, stopped := b.stops[*o.Account.Number]
	stopped = stopped && ours.ends.After(now)
	switch {
	case o.Action == "suspect":
		return &feedback{Result: "0000"}
	case !known || account[0] == "unknown":
		return &feedback{Result: "0300"}
	case o.Action == "holds" && stopped:
		return &feedback{Result: "0000", Holds: []hold{{ours.order, "stop", text(ours.ends)}}}
	case o.Action == "holds":
		return &feedback{Result: "0000"}
	case o.Action != "stop":
		return &feedback{Result: "1000"} // not supported
	case account[1] != *o.Account.Name:
		return &feedback{Result: "0301"}
	case account[0] == "held" || stopped:
		return &feedback{Result: "1301"}
	}
	balance, result := "100000.00", "0000"
	if account[0] == "short" {
		balance = "0.50"
	}
	has, _ := strconv.ParseFloat(balance, 64)
	if wanted, _ := strconv.ParseFloat(o.Transfer.Amount, 64); wanted > has {
		result = "1200"
	}
	ends := now.Add(48 * time.Hour)
	b.stops[*o.Account.Number] = stop{o.ID, ends}
	return &feedback{Result: result, Executed: text(now), Expires: text(ends), Balance: balance, Held: balance}
}

// The same order always has the same answer; it is on disk before anybody hears it.
func (b *bank) answer(body []byte) (string, error) {
	o, err := b.readOrder(body)
	if err != nil {
		return "", err
	}
	sum, now := sha256.Sum256(body), time.Now()
	digest := hex.EncodeToString(sum[:])
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if before, there := b.answered[o.ID]; there {
		if before.Digest != digest {
			return "", refused{409, "another order with this id was answered"}
		}
		return before.Answer, nil
	}
	said := answer{Order: o.ID, Institution: b.code, Reference: fmt.Sprintf("G-%d", len(b.answered)+1)}
	if b.accounts[*o.Account.Number][0] == "late" {
		first, there := b.asked[o.ID]
		if !there {
			b.asked[o.ID], first = now, now
		}
		if now.Sub(first) < time.Second {
			receipt, err := json.Marshal(said) // the feedback comes to the same order, asked again
			return string(receipt), err
		}
	}
	said.Feedback = b.feedback(o, now)
	bytes, err := json.Marshal(said)
	if err != nil {
		return "", err
	}
	row := stored{o.ID, digest, *o.Account.Number, string(bytes)}
	line, _ := json.Marshal(row)
	if _, err := b.store.Write(append(line, '\n')); err != nil {
		return "", err
	}
	if err := b.store.Sync(); err != nil {
		return "", err
	}
	b.answered[o.ID] = row
	return string(bytes), nil
}

// After a restart: what was answered, and which stops are in force.
func (b *bank) remember(file string) error {
	in, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer in.Close()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var row stored
		var said answer
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(row.Answer), &said); err != nil {
			return err
		}
		b.answered[row.Order] = row
		if done := said.Feedback; (done.Result == "0000" || done.Result == "1200") && done.Expires != "" {
			ends, _ := time.Parse(time.RFC3339, done.Expires)
			b.stops[row.Account] = stop{row.Order, ends}
		}
	}
	return nil
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/ping":
		reply(w, 200, "{}")
		return
	case r.URL.Path != "/v1/orders":
		reply(w, 404, `{"error":"orders come to /v1/orders"}`)
		return
	case r.Method != http.MethodPost:
		reply(w, 405, "{}")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		reply(w, 413, `{"error":"a body of at most 64 KiB"}`)
		return
	}
	var said string
	if err = b.checkSignature(body, r.Header.Get("Holdfast-Signature")); err == nil {
		said, err = b.answer(body)
	}
	var no refused
	switch {
	case err == nil:
		reply(w, 200, said)
	case errors.As(err, &no):
		reply(w, no.status, fmt.Sprintf(`{"error":%q}`, no.why))
	default:
		reply(w, 503, `{"error":"not now"}`) // nothing was done: the centre comes again
	}
}

func load(file string) *pem.Block {
	bytes, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(bytes)
	if block == nil {
		log.Fatalf("%s is no PEM", file)
	}
	return block
}

func main() {
	if len(os.Args) != 9 {
		log.Fatal("usage: bank PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE")
	}
	args := os.Args[1:]
	b := &bank{code: args[5], accounts: map[string][2]string{}, answered: map[string]stored{}, stops: map[string]stop{}, asked: map[string]time.Time{}}
	public, err := x509.ParsePKIXPublicKey(load(args[4]).Bytes)
	if err != nil {
		log.Fatal(err)
	}
	b.centre = public.(*ecdsa.PublicKey)
	lines, err := os.ReadFile(args[6])
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range strings.Split(string(lines), "\n") {
		if fields := strings.SplitN(line, " ", 3); len(fields) == 3 && fields[0] != "#" {
			b.accounts[fields[1]] = [2]string{fields[0], fields[2]}
		}
	}
	if err := b.remember(args[7]); err != nil {
		log.Fatal(err)
	}
	if b.store, err = os.OpenFile(args[7], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		log.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(args[1], args[2])
	if err != nil {
		log.Fatal(err)
	}
	centres := x509.NewCertPool()
	centres.AddCert(func() *x509.Certificate {
		c, err := x509.ParseCertificate(load(args[3]).Bytes)
		if err != nil {
			log.Fatal(err)
		}
		return c
	}())
	server := &http.Server{Handler: b, ErrorLog: log.New(io.Discard, "", 0), // names and account numbers do not belong into logs
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: centres, MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}} // HTTP/1.1, connections stay open
	listener, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(server.ServeTLS(listener, "", ""))
}
