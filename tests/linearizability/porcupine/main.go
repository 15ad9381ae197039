// The per-instance check once more, by Porcupine (github.com/anishathalye/porcupine) with a model
// written for it: a second opinion on the histories that lin_run records and on the wrong ones.
//
//	go run . right.jsonl…                    every history has to be linearizable
//	go run . --wrong FOLDER                  every history below it has to be refused
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/anishathalye/porcupine"
)

// Of one instance. Where much was under way when a server died, all its orders are too many: such
// an instance stays undecided, and some may.
const timeout = 500 * time.Millisecond
const undecidedPercentMax = 20

type answer struct {
	Refusal string   `json:"refusal"`
	Applied bool     `json:"applied"`
	Offset  uint64   `json:"offset"`
	From    int      `json:"from"`
	To      int      `json:"to"`
	Seen    []uint64 `json:"seen"`
}

type act struct {
	Verb           string `json:"verb"`
	Instance       uint32 `json:"instance"`
	Tag            uint64 `json:"tag"`
	N              uint64 `json:"n"`
	Group          int    `json:"group"`
	Event          int    `json:"event"`
	Keyed          bool   `json:"keyed"`
	ExpectedState  int    `json:"expected_state"`
	ExpectedOffset uint64 `json:"expected_offset"`
	Answer         answer `json:"answer"`
}

// What the first page of a history begins with.
type event struct {
	Offset uint64 `json:"offset"`
	To     int    `json:"to"`
}

type page struct {
	Before uint64  `json:"before"`
	Events []event `json:"events"`
}

type operation struct {
	Ask       string  `json:"ask"`
	Form      string  `json:"form"`
	Client    int     `json:"client"`
	Invoked   int64   `json:"invoked"`
	Ended     int64   `json:"ended"`
	Answered  bool    `json:"answered"`
	RefusedAt *uint32 `json:"refused_at"`
	Acts      []act   `json:"acts"`
	Pages     []page  `json:"pages"`
}

// asRead turns a history into a read of the instance's last record; false when it does not begin
// with that.
func (o operation) asRead() (operation, bool) {
	newest := act{Verb: "newest", Instance: o.Acts[0].Instance}
	if len(o.Pages) > 0 {
		first := o.Pages[0]
		if first.Before != 0 || len(first.Events) == 0 {
			return o, false
		}
		newest.Answer = answer{Offset: first.Events[0].Offset, To: first.Events[0].To}
	}
	o.Ask, o.Acts = "acts", []act{newest}
	return o, true
}

// One request's acts on one instance; without an answer they happened all or not at all.
type input struct {
	acts     []act
	answered bool
}

func readHistory(file string) ([]operation, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var operations []operation
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 1<<28)
	for lines.Scan() {
		var one operation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		told := one.Ask == "acts"
		if one.Ask == "history" {
			one, told = one.asRead()
		}
		if told {
			operations = append(operations, one)
		}
	}
	return operations, lines.Err()
}

// byInstance splits the history. A batch that was refused says little of its other acts, and lists
// say nothing here: the checkers of lin_run hold those against the log.
func byInstance(operations []operation) [][]porcupine.Operation {
	parts := map[uint32][]porcupine.Operation{}
	add := func(one operation, instance uint32, acts []act) {
		end := one.Ended
		parts[instance] = append(parts[instance], porcupine.Operation{
			ClientId: one.Client, Call: one.Invoked, Return: end,
			Input: input{acts, one.Answered}})
	}
	for _, one := range operations {
		if one.RefusedAt != nil {
			continue
		}
		together := map[uint32][]act{}
		for _, each := range one.Acts {
			if each.Answer.Refusal == "not_now" {
				continue
			}
			if !one.Answered && one.Form == "best_effort" {
				add(one, each.Instance, []act{each})
				continue
			}
			together[each.Instance] = append(together[each.Instance], each)
		}
		for instance, acts := range together {
			add(one, instance, acts)
		}
	}
	var split [][]porcupine.Operation
	for _, part := range parts {
		split = append(split, part)
	}
	return split
}

type verdict struct {
	operations, instances, illegal, undecided int
}

func (v verdict) right() bool {
	return v.instances > 0 && v.illegal == 0 && v.undecided*100 <= v.instances*undecidedPercentMax
}

func check(file string) (verdict, error) {
	operations, err := readHistory(file)
	if err != nil {
		return verdict{}, err
	}
	var found verdict
	for _, part := range byInstance(operations) {
		found.instances++
		found.operations += len(part)
		switch porcupine.CheckOperationsTimeout(model.ToModel(), part, timeout) {
		case porcupine.Illegal:
			found.illegal++
		case porcupine.Unknown:
			found.undecided++
		}
	}
	return found, nil
}

func main() {
	wrong := flag.String("wrong", "", "folder of histories that have to be refused")
	flag.Parse()
	passed, failed := 0, 0
	judge := func(file string, expected bool) {
		began := time.Now()
		found, err := check(file)
		seconds := math.Round(time.Since(began).Seconds()*10) / 10
		word := "ok  "
		if err != nil || (expected && !found.right()) || (!expected && found.illegal == 0) {
			failed++
			word = "FAIL"
		} else {
			passed++
		}
		fmt.Printf("%s %s: %d of %d instances are not linearizable, %d undecided; %d operations in %v s",
			word, filepath.Base(file), found.illegal, found.instances, found.undecided,
			found.operations, seconds)
		if err != nil {
			fmt.Printf("; %v", err)
		}
		fmt.Println()
	}
	for _, file := range flag.Args() {
		judge(file, true)
	}
	if *wrong != "" {
		files, _ := filepath.Glob(filepath.Join(*wrong, "*.jsonl"))
		for _, file := range files {
			judge(file, false)
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
