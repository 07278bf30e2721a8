// audit_tlog: an audit bundle, and a proof of growth, as golang.org/x/mod/sumdb sees them: its note.Open and its tlog, not Holdfast's code.
// usage: audit_tlog KEY BUNDLE [OLD.note NEW.note PROOF]; exit 0: accepted.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type leaf struct {
	Seq       uint64   `json:"seq"`
	DecidedUs int64    `json:"decided_us"`
	Kind      string   `json:"kind"`
	CaseID    string   `json:"case_id"`
	OrderID   string   `json:"order_id"`
	BootID    string   `json:"boot_id"`
	Previous  string   `json:"previous"`
	Salt      string   `json:"salt"`
	Body      string   `json:"body"`
	Proof     []string `json:"proof"`
}

type bundle struct {
	Shard      uint32 `json:"shard"`
	Checkpoint string `json:"checkpoint"`
	Leaves     []leaf `json:"leaves"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func hash(text string, encoded func(string) ([]byte, error)) (h tlog.Hash) {
	b := must(encoded(text))
	if len(b) != len(h) {
		must(0, fmt.Errorf("a hash of %d bytes", len(b)))
	}
	copy(h[:], b)
	return
}

// engine/audit/README.md
func (l leaf) data(shard uint32) []byte {
	var out bytes.Buffer
	out.WriteString("HFL1")
	binary.Write(&out, binary.BigEndian, shard)
	binary.Write(&out, binary.BigEndian, l.Seq)
	binary.Write(&out, binary.BigEndian, l.DecidedUs)
	out.WriteByte(byte(len(l.Kind)))
	out.WriteString(l.Kind)
	for _, id := range []string{l.CaseID, l.OrderID} {
		raw := must(hex.DecodeString(strings.ReplaceAll(id, "-", "")))
		out.Write(append(raw, make([]byte, 16-len(raw))...))
	}
	out.WriteByte(byte(len(l.BootID)))
	out.WriteString(l.BootID)
	out.Write(must(hex.DecodeString(l.Previous)))
	commitment := sha256.Sum256(append(must(hex.DecodeString(l.Salt)), must(base64.StdEncoding.DecodeString(l.Body))...))
	out.Write(commitment[:])
	return out.Bytes()
}

func open(text, key string) (size int64, root tlog.Hash) {
	opened := must(note.Open([]byte(text), note.VerifierList(must(note.NewVerifier(key)))))
	lines := strings.Split(opened.Text, "\n")
	return must(strconv.ParseInt(lines[1], 10, 64)), hash(lines[2], base64.StdEncoding.DecodeString)
}

func main() {
	var given bundle
	key := os.Args[1]
	must(0, json.Unmarshal(must(os.ReadFile(os.Args[2])), &given))
	size, root := open(given.Checkpoint, key)
	for _, l := range given.Leaves {
		proof := tlog.RecordProof{}
		for _, p := range l.Proof {
			proof = append(proof, hash(p, hex.DecodeString))
		}
		must(0, tlog.CheckRecord(proof, size, root, int64(l.Seq)-1, tlog.RecordHash(l.data(given.Shard))))
	}
	fmt.Printf("%d facts are in the tree of %d\n", len(given.Leaves), size)
	if len(os.Args) < 6 {
		return
	}
	oldSize, oldRoot := open(string(must(os.ReadFile(os.Args[3]))), key)
	newSize, newRoot := open(string(must(os.ReadFile(os.Args[4]))), key)
	growth := tlog.TreeProof{}
	for _, line := range strings.Fields(string(must(os.ReadFile(os.Args[5]))))[3:] {
		growth = append(growth, hash(line, hex.DecodeString))
	}
	must(0, tlog.CheckTree(growth, newSize, newRoot, oldSize, oldRoot))
	fmt.Printf("the tree of %d grew to %d\n", oldSize, newSize)
}
