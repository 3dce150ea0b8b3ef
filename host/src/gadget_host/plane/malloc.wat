;; fieldGet, of the releases in which the host asks the guest's malloc for room: v0.30 to v0.37.
;;
;; A scalar's bits, or, for the kinds String and Bytes, length << 32 | address of a copy that is the guest's to free.

(@if {has.fieldGet} (then
  (func $fieldGet (export "fieldGet") (type $fieldGet) (param $field i32) (param $data i32) (param $kind i32) (result i64)
    (local $accessor i32) (local $element i32) (local $why i32) (local $detail i32) (local $value i64)
    (call $count)
    (call $access (local.get $field) (local.get $data))
    (local.set $detail) (local.set $why) (local.set $element) (local.set $accessor)
    (if (i32.eqz (local.get $why))
      (then
        (if (result i64 i32) (call $kind_is_buffer (local.get $kind))
          (then (call $get_buffer (local.get $accessor) (local.get $element) (local.get $kind)))
          (else (call $read_scalar (local.get $accessor) (local.get $element) (local.get $kind))))
        (local.set $why) (local.set $value)
        (if (i32.eqz (local.get $why)) (then (return (local.get $value))))
        (if (i32.eq (local.get $why) (i32.const {why.not_scalar_kind}))
          (then (local.set $why (i32.const {why.not_readable_kind}))))))
    (call $complain (i32.const {fn.fieldGet}) (local.get $why) (local.get $detail))
    (i64.const {error.fieldGet}))

  ;; The field's bytes in memory of the guest's, or why not.
  (func $get_buffer (param $field i32) (param $element i32) (param $kind i32) (result i64 i32)
    (local $slot i32) (local $why i32) (local $from i32) (local $length i32)
    (local.set $why (call $field_slot (local.get $field) (local.get $element)))
    (local.set $slot)
    (if (local.get $why) (then (return (i64.const 0) (local.get $why))))
    (local.set $length (call $field_bytes (local.get $field) (local.get $slot)))
    (local.set $from)
    (if (i32.eq (local.get $length) (i32.const -1))
      (then (return (i64.const 0) (i32.const {why.no_static}))))
    (if (i32.and
          (i32.eq (local.get $kind) (i32.const {Kind.String}))
          (i32.eq (i32.load offset={field.kind} (local.get $field)) (i32.const {Kind.CString})))
      (then (local.set $length (call $length_to_nul (local.get $from) (local.get $length)))))
    (call $give (local.get $from) (local.get $length)))

  (func $length_to_nul (param $from i32) (param $most i32) (result i32)
    (local $length i32)
    (block $found
      (loop $next
        (br_if $found (i32.ge_u (local.get $length) (local.get $most)))
        (br_if $found (i32.eqz (i32.load8_u (i32.add (local.get $from) (local.get $length)))))
        (local.set $length (i32.add (local.get $length) (i32.const 1)))
        (br $next)))
    (local.get $length))

  ;; A copy of bytes for the guest. Its malloc may call the host, which may change or free what lies at $from, so they
  ;; are put aside first.
  (func $give (param $from i32) (param $length i32) (result i64 i32)
    (local $aside i32) (local $room i32) (local $address i64) (local $frames i32) (local $depth i32) (local $mallocs i32)
    (local.set $room (select (local.get $length) (i32.const 1) (local.get $length)))
    (if (i32.eqz (local.tee $aside (call $heap_new (local.get $room))))
      (then (return (i64.const 0) (i32.const {why.memory}))))
    (memory.copy (local.get $aside) (local.get $from) (local.get $length))
    (local.set $frames (i32.load (i32.const {control.depth})))
    (local.set $depth (i32.load (i32.const {control.guest_depth})))
    (local.set $address (i64.const -1))
    (if (local.tee $mallocs (i32.load (i32.const {control.mallocs}))) ;; so many may still begin inside each other
      (then
        (i32.store (i32.const {control.mallocs}) (i32.sub (local.get $mallocs) (i32.const 1)))
        (local.set $address
          (call $forward (i64.or (i64.const 0x8000000000000000) (i64.extend_i32_u (local.get $length)))))
        (i32.store (i32.const {control.mallocs}) (local.get $mallocs))))
    (if (i32.eqz (call $will_do (local.get $address) (local.get $length)))
      (then (local.set $address (call $malloc (local.get $length) (local.get $address)))))
    (call $unwind (local.get $frames)) ;; what a malloc that emitted and trapped left
    (i32.store (i32.const {control.guest_depth}) (local.get $depth))
    (if (i64.lt_s (local.get $address) (i64.const 0))
      (then
        (call $heap_free (local.get $aside) (local.get $room))
        (return (i64.const {error.fieldGet}) (i32.const 0)))) ;; why was said by whoever called malloc
    (if (i32.eqz (call $guest_holds (i32.wrap_i64 (local.get $address)) (local.get $length)))
      (then
        (call $heap_free (local.get $aside) (local.get $room))
        (return (i64.const 0) (i32.const {why.address}))))
    (memory.copy $guest $plane (i32.wrap_i64 (local.get $address)) (local.get $aside) (local.get $length))
    (call $heap_free (local.get $aside) (local.get $room))
    (i64.or (local.get $address) (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32)))
    (i32.const 0))

  ;; Whether there is nothing to be said about an address, or the lack of one, which is negative.
  (func $will_do (@inline) (param $address i64) (param $length i32) (result i32)
    (if (result i32) (i64.gt_s (local.get $address) (i64.const 0))
      (then (call $guest_holds (i32.wrap_i64 (local.get $address)) (local.get $length)))
      (else (i32.const 0))))

  (func $call_malloc (export "call_malloc") (param $bytes i64) (result i64)
    (i64.extend_i32_u
      (call_indirect $of_guest (type $of_malloc) (i32.wrap_i64 (local.get $bytes)) (i32.const {of_guest.malloc}))))))
