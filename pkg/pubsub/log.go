package pubsub

import (
	"reflect"
)

// Log is what this library needs of an agent's log object; EVE's base.LogObject
// has it.
type Log interface {
	Tracef(format string, args ...any)
	Functionf(format string, args ...any)
	Noticef(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Values may say themselves how they are created, modified and deleted, to the
// agent's own log object: with the methods LogCreate(log), LogModify(log, old) and
// LogDelete(log), whose log has that object's type. That type is not known here,
// so they are called by reflection.

func logCreate(log Log, v any) {
	if v != nil {
		callLogger(log, reflect.ValueOf(v).MethodByName("LogCreate"))
	}
}

func logModify(log Log, v, old any) {
	if v != nil {
		callLogger(log, reflect.ValueOf(v).MethodByName("LogModify"), old)
	}
}

func logDelete(log Log, v any) {
	if v != nil {
		callLogger(log, reflect.ValueOf(v).MethodByName("LogDelete"))
	}
}

// logs reports whether values of a type log themselves.
func logs(t reflect.Type) bool {
	_, create := t.MethodByName("LogCreate")
	_, modify := t.MethodByName("LogModify")
	_, remove := t.MethodByName("LogDelete")
	return create || modify || remove
}

// callLogger calls a method that takes the log object and, maybe, an old value. A
// method of another shape is not meant.
func callLogger(log Log, method reflect.Value, old ...any) {
	if !method.IsValid() || log == nil {
		return
	}
	t := method.Type()
	object := reflect.ValueOf(log)
	if t.IsVariadic() || t.NumIn() != 1+len(old) || !object.Type().AssignableTo(t.In(0)) {
		return
	}
	args := []reflect.Value{object}
	for _, v := range old {
		arg := reflect.ValueOf(v)
		if !arg.IsValid() || !arg.Type().AssignableTo(t.In(1)) {
			return
		}
		args = append(args, arg)
	}
	method.Call(args)
}
