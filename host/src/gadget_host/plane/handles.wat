;; The handle table: 4096 entries, found by the low 12 bits of a handle's number.
;;
;;   entry:  [number: u32][kind: u32][object: u32][unused]        number and kind 0: free
;;
;; Numbers run from 1 to 65535 and then start again, so that an array's number fits the 16 bits it has in an
;; element handle; a number whose entry is taken is skipped. A handle of a packet or data owns a reference to it.
;;
;; With the quirk handle-numbers they go on for ever, so live ones may lie any distance apart. The entries then stand
;; in the order of their numbers and a number is found by bisection; a free one keeps its number and has kind 0. When
;; all are used, the live ones are copied to the other of two tables: an interrupted copy changes nothing.

(@if {quirk.handle-numbers} (then
  (func $entry_of (@inline) (param $index i32) (result i32)
    (i32.add (i32.load (i32.const {control.table})) (i32.shl (local.get $index) (i32.const {handle.SHIFT}))))

  ;; The entry of that number, or of another, or one that is nobody's.
  (func $handle_entry (param $number i32) (result i32)
    (local $low i32) (local $high i32) (local $middle i32)
    (local.set $high (i32.load (i32.const {control.used})))
    (block $done
      (loop $halve
        (br_if $done (i32.ge_u (local.get $low) (local.get $high)))
        (local.set $middle (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
        (if (i32.lt_u (i32.load offset={handle.number} (call $entry_of (local.get $middle))) (local.get $number))
          (then (local.set $low (i32.add (local.get $middle) (i32.const 1))))
          (else (local.set $high (local.get $middle))))
        (br $halve)))
    (if (i32.eq (local.get $low) (i32.load (i32.const {control.used})))
      (then (return (i32.const {control.nothing}))))
    (call $entry_of (local.get $low)))

  (func $handles_renew
    (local $from i32) (local $end i32) (local $table i32) (local $to i32)
    (local.set $from (i32.load (i32.const {control.table})))
    (local.set $end (call $entry_of (i32.load (i32.const {control.used}))))
    (local.set $table
      (i32.sub (i32.const {handles.BOTH}) (local.get $from)))
    (local.set $to (local.get $table))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (if (i32.load offset={handle.kind} (local.get $from))
          (then
            (i64.store (local.get $to) (i64.load (local.get $from)))
            (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $from)))
            (local.set $to (i32.add (local.get $to) (i32.const {handle.SIZE})))))
        (local.set $from (i32.add (local.get $from) (i32.const {handle.SIZE})))
        (br $next)))
    (i32.store (i32.const {control.used})
      (i32.shr_u (i32.sub (local.get $to) (local.get $table)) (i32.const {handle.SHIFT})))
    (i32.store (i32.const {control.table}) (local.get $table))))
(else
  (func $handle_entry (@inline) (param $number i32) (result i32)
    (i32.add (i32.const {handles.BASE})
      (i32.shl (i32.and (local.get $number) (i32.const {handles.MASK})) (i32.const {handle.SHIFT}))))))

;; The object behind a handle when it is of one of the kinds (bits), else 0.
(func $handle_find (@inline) (param $number i32) (param $kinds i32) (result i32)
  (local $entry i32)
  (local.set $entry (call $handle_entry (local.get $number)))
  (if (i32.ne (i32.load offset={handle.number} (local.get $entry)) (local.get $number))
    (then (return (i32.const 0))))
  (if (i32.eqz (i32.and (i32.load offset={handle.kind} (local.get $entry)) (local.get $kinds)))
    (then (return (i32.const 0))))
  (i32.load offset={handle.object} (local.get $entry)))

;; A new handle, 0 when the table is full. It takes over the caller's reference to the object.
(func $handle_new (@inline) (param $kind i32) (param $object i32) (result i32)
  (local $number i32) (local $entry i32)
  (if (i32.ge_u (i32.load (i32.const {control.live})) (i32.load (i32.const {control.handle_limit})))
    (then (return (i32.const 0))))
  (local.set $number (i32.load (i32.const {control.last_handle})))
  (@if {quirk.handle-numbers} (then
    (if (i32.eqz (local.tee $number (i32.add (local.get $number) (i32.const 1))))
      (then (return (i32.const 0)))) ;; they are used up
    (if (i32.eq (i32.load (i32.const {control.used})) (i32.const {handles.MOST})) (then (call $handles_renew)))
    (local.set $entry (call $entry_of (i32.load (i32.const {control.used}))))
    (i32.store (i32.const {control.used}) (i32.add (i32.load (i32.const {control.used})) (i32.const 1))))
  (else
    (loop $taken
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (if (i32.gt_u (local.get $number) (i32.const {handles.LAST}))
        (then (local.set $number (i32.const 1))))
      (local.set $entry (call $handle_entry (local.get $number)))
      (br_if $taken (i32.load offset={handle.number} (local.get $entry))))))
  (i32.store offset={handle.number} (local.get $entry) (local.get $number))
  (i32.store offset={handle.kind} (local.get $entry) (local.get $kind))
  (i32.store offset={handle.object} (local.get $entry) (local.get $object))
  (i32.store (i32.const {control.last_handle}) (local.get $number))
  (i32.store (i32.const {control.live}) (i32.add (i32.load (i32.const {control.live})) (i32.const 1)))
  (local.get $number))

;; The same for Python.
(func (export "handle_new") (param $kind i32) (param $object i32) (result i32)
  (call $handle_new (local.get $kind) (local.get $object)))

;; Takes a handle that is known to be live out of the table; its reference is the caller's now.
(func $handle_take (@inline) (param $number i32) (result i32)
  (local $entry i32)
  (local.set $entry (call $handle_entry (local.get $number)))
  (@if {quirk.handle-numbers}
    (then
      (if (i32.eq
            (i32.add (local.get $entry) (i32.const {handle.SIZE}))
            (call $entry_of (i32.load (i32.const {control.used}))))
        (then
          (i32.store (i32.const {control.used}) (i32.sub (i32.load (i32.const {control.used})) (i32.const 1))))))
    (else (i32.store offset={handle.number} (local.get $entry) (i32.const 0))))
  (i32.store offset={handle.kind} (local.get $entry) (i32.const 0))
  (i32.store (i32.const {control.live}) (i32.sub (i32.load (i32.const {control.live})) (i32.const 1)))
  (i32.load offset={handle.object} (local.get $entry)))

;; Drops a handle of any kind; 0 when there is none of that number.
(func $handle_release (export "handle_release") (param $number i32) (result i32)
  (local $kind i32) (local $object i32)
  (if (i32.eqz (call $handle_find (local.get $number) (i32.const -1)))
    (then (return (i32.const 0))))
  (local.set $kind (i32.load offset={handle.kind} (call $handle_entry (local.get $number))))
  (local.set $object (call $handle_take (local.get $number)))
  (if (i32.and (local.get $kind) (i32.const {handles.OWNING}))
    (then (call $object_release (local.get $object))))
  (i32.const 1))

;; Drops the handle a callback was given, unless the callback did so itself.
(func $handle_end (@inline) (param $number i32) (param $object i32)
  (if (i32.eq (call $handle_find (local.get $number) (i32.const {handles.OWNING})) (local.get $object))
    (then (call $object_release (call $handle_take (local.get $number))))))

(func $handle_clear (export "handle_clear")
  (local $entry i32)
  (local.set $entry
    (@if {quirk.handle-numbers}
      (then (call $entry_of (i32.const {handles.MOST})))
      (else (i32.const {handles.END}))))
  (loop $next
    (local.set $entry (i32.sub (local.get $entry) (i32.const {handle.SIZE})))
    (drop (call $handle_release (i32.load offset={handle.number} (local.get $entry))))
    (br_if $next
      (i32.gt_u (local.get $entry)
        (@if {quirk.handle-numbers}
          (then (i32.load (i32.const {control.table})))
          (else (i32.const {handles.BASE})))))))
