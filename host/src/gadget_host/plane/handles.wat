;; The handle table: 4096 entries, found by the low 12 bits of a handle's number.
;;
;;   entry:  [number: u32][kind: u32][object: u32][unused]        number and kind 0: free
;;
;; Numbers run from 1 to 65535 and then start again, so that an array's number fits the 16 bits it has in an
;; element handle; a number whose entry is taken is skipped. A handle of a packet or data owns a reference to it.
;;
;; With the quirk handle-numbers they go on for ever, so live ones may lie any distance apart. The entries then stand
;; in the order of their numbers, without gaps and with a free one behind the last; a number is found by bisection.

(@if {quirk.handle-numbers} (then
  (func $entry_of (@inline) (param $index i32) (result i32)
    (i32.add (i32.const {handles.BASE}) (i32.shl (local.get $index) (i32.const {handle.SHIFT}))))

  ;; The entry of the smallest number that is not below $number.
  (func $handle_entry (param $number i32) (result i32)
    (local $low i32) (local $high i32) (local $middle i32)
    (local.set $high (i32.load (i32.const {control.live})))
    (block $done
      (loop $halve
        (br_if $done (i32.ge_u (local.get $low) (local.get $high)))
        (local.set $middle (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
        (if (i32.lt_u (i32.load offset={handle.number} (call $entry_of (local.get $middle))) (local.get $number))
          (then (local.set $low (i32.add (local.get $middle) (i32.const 1))))
          (else (local.set $high (local.get $middle))))
        (br $halve)))
    (call $entry_of (local.get $low))))
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
(func $handle_new (export "handle_new") (param $kind i32) (param $object i32) (result i32)
  (local $number i32) (local $entry i32)
  (if (i32.ge_u (i32.load (i32.const {control.live})) (i32.load (i32.const {control.handle_limit})))
    (then (return (i32.const 0))))
  (local.set $number (i32.load (i32.const {control.last_handle})))
  (@if {quirk.handle-numbers} (then
    (if (i32.eqz (local.tee $number (i32.add (local.get $number) (i32.const 1))))
      (then (return (i32.const 0)))) ;; they are used up
    (local.set $entry (call $entry_of (i32.load (i32.const {control.live})))))
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

;; Takes a handle that is known to be live out of the table; its reference is the caller's now.
(func $handle_take (@inline) (param $number i32) (result i32)
  (local $entry i32) (@if {quirk.handle-numbers} (then (local $object i32)))
  (local.set $entry (call $handle_entry (local.get $number)))
  (@if {quirk.handle-numbers} (then
    (local.set $object (i32.load offset={handle.object} (local.get $entry)))
    (memory.copy (local.get $entry) (i32.add (local.get $entry) (i32.const {handle.SIZE})) ;; the free one, too
      (i32.sub (call $entry_of (i32.load (i32.const {control.live}))) (local.get $entry)))
    (i32.store (i32.const {control.live}) (i32.sub (i32.load (i32.const {control.live})) (i32.const 1)))
    (local.get $object))
  (else
    (i32.store offset={handle.number} (local.get $entry) (i32.const 0))
    (i32.store offset={handle.kind} (local.get $entry) (i32.const 0))
    (i32.store (i32.const {control.live}) (i32.sub (i32.load (i32.const {control.live})) (i32.const 1)))
    (i32.load offset={handle.object} (local.get $entry)))))

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
    (then (drop (call $handle_release (local.get $number))))))

(func $handle_clear (export "handle_clear")
  (local $entry i32)
  (local.set $entry (i32.const {handles.END}))
  (loop $next
    (local.set $entry (i32.sub (local.get $entry) (i32.const {handle.SIZE}))) ;; from the last: see handle_take
    (drop (call $handle_release (i32.load offset={handle.number} (local.get $entry))))
    (br_if $next (i32.gt_u (local.get $entry) (i32.const {handles.BASE})))))
