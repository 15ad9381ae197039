package main

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// States are 1, 2, 3 as in the file; 0 is none.
const (
	absent = iota
	alive
	deleted
)

type instance struct {
	life   int
	state  int
	offset uint64 // 0: nobody has shown it yet
	tag    uint64
	n      uint64
	group  [4]uint64
	keys   string // of first answers, one after the other
}

func (i instance) seen() []uint64 {
	if i.tag == 0 {
		return nil
	}
	return append([]uint64{i.tag, i.n}, i.group[:]...)
}

func merge(i instance, a act) instance {
	i.tag, i.n = a.Tag, a.N
	i.group[a.Group] = a.Tag
	return i
}

// target of an event; 0 when the machine has none, with the reason.
func target(i instance, event int) (int, string) {
	switch event {
	case 0: // next
		return i.state%3 + 1, ""
	case 1: // jump
		if i.state != 1 {
			return 0, "invalid_transition"
		}
		if i.n >= 50 {
			return 3, ""
		}
		return 2, ""
	default: // back
		if i.state == 1 {
			return 0, "invalid_transition"
		}
		if i.n < 70 {
			return 1, ""
		}
		return 0, "guard_failed"
	}
}

func keyName(a act, given answer) string {
	return fmt.Sprintf("<%d:%d:%d:%d:%v>", a.Tag, given.Offset, given.From, given.To, given.Seen)
}

func usedKey(i instance, a act) bool {
	return a.Keyed && contains(i.keys, fmt.Sprintf("<%d:", a.Tag))
}

func contains(text, part string) bool {
	for at := 0; at+len(part) <= len(text); at++ {
		if text[at:at+len(part)] == part {
			return true
		}
	}
	return false
}

// carryOut gives the instance after the act, or false when the answer cannot have been given.
func carryOut(i instance, a act, answered bool) (instance, bool) {
	given := a.Answer
	if a.Verb == "newest" {
		return newest(i, given)
	}
	refused := func(why string) (instance, bool) { return i, answered && given.Refusal == why }
	if i.life != alive && (a.Verb == "apply" || a.Verb == "read") {
		return refused("not_found")
	}
	if a.Verb != "remove" && usedKey(i, a) {
		return repeated(i, a, answered)
	}
	offset := uint64(0)
	if answered {
		offset = given.Offset
	}
	switch a.Verb {
	case "create":
		if i.life != absent {
			return refused("exists")
		}
		after := merge(instance{life: alive, state: 1, offset: offset, keys: i.keys}, a)
		return written(i, after, a, answered, answer{Offset: offset, To: 1})
	case "apply":
		return apply(i, a, answered, offset)
	case "remove":
		if i.life == absent {
			return refused("not_found")
		}
		if i.life == deleted {
			return i, !answered || given.Refusal == "none" && (i.offset == 0 || i.offset == given.Offset)
		}
		after := instance{life: deleted, offset: offset, keys: i.keys}
		return after, !answered || given.Refusal == "none" && offset > i.offset
	default: // read
		right := given.Refusal == "none" && given.To == i.state && slices.Equal(given.Seen, i.seen()) &&
			(i.offset == 0 || i.offset == given.Offset)
		i.offset = given.Offset
		return i, right
	}
}

// newest: the last record as a history shows it, which a removed instance has as well; 0: there is
// no history, so it has never been made.
func newest(i instance, given answer) (instance, bool) {
	if given.Offset == 0 {
		return i, i.life == absent
	}
	life := alive
	if given.To == 0 { // a removal leads nowhere
		life = deleted
	}
	right := i.life == life && i.state == given.To && (i.offset == 0 || i.offset == given.Offset)
	i.offset = given.Offset
	return i, right
}

func apply(i instance, a act, answered bool, offset uint64) (instance, bool) {
	given := a.Answer
	conflict := answered && given.Refusal == "conflict"
	if a.ExpectedState != 0 && a.ExpectedState != i.state {
		return i, conflict
	}
	comparable := i.offset != 0 || conflict
	if a.ExpectedOffset != 0 && comparable && a.ExpectedOffset != i.offset {
		return i, conflict
	}
	to, why := target(i, a.Event)
	if to == 0 {
		return i, answered && given.Refusal == why
	}
	after := merge(i, a)
	after.state, after.offset = to, offset
	return written(i, after, a, answered, answer{Applied: true, Offset: offset, From: i.state, To: to,
		Seen: after.seen()})
}

func written(before, after instance, a act, answered bool, due answer) (instance, bool) {
	given := a.Answer
	if answered {
		right := given.Refusal == "none" && given.To == due.To && given.Offset > before.offset
		if a.Verb == "apply" {
			right = right && given.Applied && given.From == due.From &&
				slices.Equal(given.Seen, due.Seen)
		}
		if !right {
			return before, false
		}
	}
	if a.Keyed {
		after.keys += keyName(a, due)
	}
	return after, true
}

// repeated: the key has had its effect; the answer is the first one.
func repeated(i instance, a act, answered bool) (instance, bool) {
	if !answered {
		return i, true
	}
	first := a.Answer
	unknown := first
	unknown.Offset = 0
	right := a.Answer.Refusal == "none" && !a.Answer.Applied &&
		(contains(i.keys, keyName(a, first)) || contains(i.keys, keyName(a, unknown)))
	return i, right
}

var model = porcupine.NondeterministicModel{
	Init: func() []interface{} { return []interface{}{instance{}} },
	Step: func(state, in, _ interface{}) []interface{} {
		before := state.(instance)
		request := in.(input)
		after, right := before, true
		for _, a := range request.acts {
			if after, right = carryOut(after, a, request.answered); !right {
				break
			}
		}
		var states []interface{}
		if right {
			states = append(states, after)
		}
		// What has no answer may never have happened.
		if !request.answered && (!right || after != before) {
			states = append(states, before)
		}
		return states
	},
	Equal: func(a, b interface{}) bool { return a.(instance) == b.(instance) },
}
