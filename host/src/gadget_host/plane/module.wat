;; The data plane: one instance per gadget, the only store of handles, sources' layouts, data and packets.
;;
;; The guest is linked against the functions that this module exports. Both memories are made before: this module is
;; given them, the guest's own one is turned into an import (_split.py). What of the guest is called here stands in a
;; table that is filled when the guest is there.
;;
;;   guest --call--> a function of this module --memory.copy--> guest's memory
;;
;; Names in braces are replaced by numbers before assembly (layout.py): members and sizes of structures,
;; values of the ABI table, reasons of warnings (why), numbers of hot functions (fn).
;;
;; There is one such module per behaviour: (@if {change.emit-drops-handle} (then A) (else B)) is A in the releases in
;; which that change of the ABI table is in effect and B before; {quirk.callback-source} is for strict hosts that show
;; that quirk of the table, {has.fieldGet} for releases with that function.
;;
;; Any function entry and any turn of a loop may be the last: the guest's deadline, or the end of the stack that a
;; recursing guest left us, unwinds from there. So every change of state is a straight line of stores without a call
;; in it; what is new is published before what is old is freed. What an unwinding can leave behind is a leak, never
;; a wrong pointer.

(import "plane" "memory" (memory $plane {hot.pages}))
(import "guest" "memory" (memory $guest 0))

(type $of_callback (func (param i64 i32 i32)))
(type $of_malloc (func (param i32) (result i32)))

;; A warning about a call: which function, why, and a number that the reason's text shows.
(import "host" "warn" (func $warn (param $function i32) (param $why i32) (param $detail i32)))
;; Grows this module's memory by so many pages; 1 when it did.
(import "host" "grow" (func $grow (param $pages i32) (result i32)))
;; Takes the finished records out of the output buffer and resets it.
(import "host" "flush" (func $flush))
;; Calls dataSourceCallback from inside a guest call: a trap in it ends there. {status.go}, or {status.error} for a trap.
(import "host" "call_guest"
  (func $call_guest (param $callback i64) (param $source i32) (param $data i32) (result i32)))
(@if {has.fieldGet} (then
  ;; Calls $call_malloc, and answers with its argument when that traps: wasm cannot catch a trap, and a malloc that traps
  ;; is to make the host function fail, not its caller. See _rawcall.py.
  (import "host" "forward" (func $forward (param $bytes i64) (result i64)))
  ;; What is to be done when that did not give an address that will do, or could not be called: says what was wrong, or
  ;; calls the guest's malloc. An address, or -1.
  (import "host" "malloc" (func $malloc (param $bytes i32) (param $address i64) (result i64)))))
;; Does not return: the guest's call traps, for that reason.
(import "host" "trap" (func $trap (param $function i32) (param $why i32) (param $detail i32)))
;; Does not return: the gadget is ended, or the emitter told off, where upstream would have hung or died of it.
(import "host" "end" (func $end (param $function i32) (param $why i32)))
;; Calls a Python subscriber with an object; for an element, $record is its encoded value. 0 go on, 1 discard.
(import "host" "call_python"
  (func $call_python (param $subscriber i64) (param $object i32) (param $record i32) (result i32)))

;; What is called of the guest.
(table $of_guest (export "of_guest") 2 2 funcref)

(func $callback (@inline) (param $callback i64) (param $source i32) (param $data i32)
  (call_indirect $of_guest (type $of_callback)
    (local.get $callback) (local.get $source) (local.get $data) (i32.const {of_guest.callback})))

;; A hot function was called.
(func $count (@inline)
  (i64.store (i32.const {control.host_calls})
    (i64.add (i64.load (i32.const {control.host_calls})) (i64.const 1))))

;; Bit widths of the scalar kinds, by kind: bytes, plus 128 when signed; 0 for kinds that are not scalar.
(data (memory $plane) (i32.const {control.shapes}) "{kind_shapes}")

;; A call was made wrongly: warns or, where a strict host does as upstream, traps.
(func $complain (param $function i32) (param $why i32) (param $detail i32)
  (if (call $is_deadly (local.get $why))
    (then (call $trap (local.get $function) (local.get $why) (local.get $detail))))
  (call $warn (local.get $function) (local.get $why) (local.get $detail)))

(func $is_deadly (@inline) (param $why i32) (result i32)
  (@if {quirk.foreign-field} (then
    (if (i32.eq (local.get $why) (i32.const {why.foreign_field})) (then (return (i32.const 1))))))
  (@if {quirk.older-packet} (then
    (if (i32.eq (local.get $why) (i32.const {why.older_data})) (then (return (i32.const 1))))))
  (@if {quirk.static-field-of-new-packet} (then
    (if (i32.eq (local.get $why) (i32.const {why.no_static})) (then (return (i32.const 1))))))
  (@if {quirk.append-single-packet} (then
    (if (i32.eq (local.get $why) (i32.const {why.single_data})) (then (return (i32.const 1))))))
  (@if {quirk.packet-type-unchecked} (then
    (if (i32.eq (local.get $why) (i32.const {why.mismatch})) (then (return (i32.const 1))))))
  (@if {quirk.no-memory} (then
    (if (i32.eq (local.get $why) (i32.const {why.address}))
      (then (return (i32.load (i32.const {control.no_memory})))))))
  (i32.const 0))

;; Whether address .. address+length lies inside the guest's memory; the sum is taken in 64 bits, it cannot wrap.
(func $guest_holds (@inline) (param $address i32) (param $length i32) (result i32)
  (i64.le_u
    (i64.add (i64.extend_i32_u (local.get $address)) (i64.extend_i32_u (local.get $length)))
    (i64.shl (i64.extend_i32_u (memory.size $guest)) (i64.const 16))))
