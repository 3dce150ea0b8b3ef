;; Field access: one implementation for the guest's field* functions and for Python's live views.
;;
;; A field reaches into an element of its own source: the whole slot, or [offset, offset + size) of it for a static
;; member. The kind of an access is the caller's choice and is not compared with the field's own.

;; The data a handle stands for: a packet of one element, an element, or, computed and not in the table,
;;
;;   bit 31: 1 | bits 16..30: index | bits 0..15: handle of the array           (since v0.37)
(func $data_find (@inline) (param $handle i32) (result i32)
  (local $array i32) (local $index i32)
  (@if {change.element-handles} (then
    (if (i32.ge_s (local.get $handle) (i32.const 0))
      (then (return (call $handle_find (local.get $handle) (i32.const {kinds.data})))))
    (local.set $array
      (call $handle_find
        (i32.and (local.get $handle) (i32.const {element_handle.ARRAY})) (i32.const {kind.array})))
    (local.set $index
      (i32.and (i32.shr_u (local.get $handle) (i32.const {element_handle.INDEX_SHIFT}))
        (i32.const {limits.array_index})))
    (if (i32.eqz (local.get $array))
      (then (return (i32.const 0))))
    (if (i32.ge_u (local.get $index) (i32.load offset={object.count} (local.get $array)))
      (then (return (i32.const 0))))
    (i32.load (call $array_item (local.get $array) (local.get $index))))
  (else (call $handle_find (local.get $handle) (i32.const {kinds.data})))))

;; The slot a field has in an element, or 0 and why it has none.
(func $field_slot (@inline) (param $field i32) (param $element i32) (result i32 i32)
  (@if {quirk.foreign-field} (then) (else
    (if (i32.ne (i32.load offset={field.source} (local.get $field))
          (i32.load offset={object.source} (local.get $element)))
      (then (return (i32.const 0) (i32.const {why.foreign_field}))))))
  (if (i32.and (i32.load offset={field.flags} (local.get $field)) (i32.const {FieldFlags.Empty}))
    (then (return (i32.const {control.nothing}) (i32.const 0))))
  (if (i32.ge_u (i32.load offset={field.slot} (local.get $field))
        (i32.load offset={object.count} (local.get $element)))
    (then
      (@if {quirk.foreign-field} (then
        (if (i32.ne (i32.load offset={field.source} (local.get $field))
              (i32.load offset={object.source} (local.get $element)))
          (then (return (i32.const 0) (i32.const {why.foreign_field}))))))
      (return (i32.const 0) (i32.const {why.older_data}))))
  (@if {quirk.bytes-alias-memory} (then
    (call $slot_look (call $element_slot (local.get $element) (i32.load offset={field.slot} (local.get $field))))))
  (call $element_slot (local.get $element) (i32.load offset={field.slot} (local.get $field)))
  (i32.const 0))

;; Address and length of a field's bytes, or the length -1: the slot has no room for the static member.
(func $field_bytes (@inline) (param $field i32) (param $slot i32) (result i32 i32)
  (local $size i32) (local $offset i32)
  (if (i32.eqz (local.tee $size (i32.load offset={field.size} (local.get $field))))
    (then
      (return (i32.load offset={slot.pointer} (local.get $slot))
        (i32.load offset={slot.length} (local.get $slot)))))
  (local.set $offset (i32.load offset={field.offset} (local.get $field)))
  (if (i32.gt_u (i32.add (local.get $offset) (local.get $size)) (i32.load offset={slot.length} (local.get $slot)))
    (then (return (i32.const 0) (i32.const -1))))
  (i32.add (i32.load offset={slot.pointer} (local.get $slot)) (local.get $offset))
  (local.get $size))

;; memory.copy is a call into the engine; short texts, which most are, are copied by two loads that may overlap.
(func $copy_out (@inline) (param $to i32) (param $from i32) (param $length i32)
  (if (i32.gt_u (i32.sub (local.get $length) (i32.const 8)) (i32.const 24))
    (then
      (memory.copy $guest $plane (local.get $to) (local.get $from) (local.get $length))
      (return)))
  (if (i32.lt_u (local.get $length) (i32.const 16))
    (then
      (i64.store $guest (local.get $to) (i64.load $plane (local.get $from)))
      (i64.store $guest (i32.sub (i32.add (local.get $to) (local.get $length)) (i32.const 8))
        (i64.load $plane (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 8))))
      (return)))
  (v128.store $guest (local.get $to) (v128.load $plane (local.get $from)))
  (v128.store $guest (i32.sub (i32.add (local.get $to) (local.get $length)) (i32.const 16))
    (v128.load $plane (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 16)))))

(func $copy_in (@inline) (param $to i32) (param $from i32) (param $length i32)
  (if (i32.gt_u (i32.sub (local.get $length) (i32.const 8)) (i32.const 24))
    (then
      (memory.copy $plane $guest (local.get $to) (local.get $from) (local.get $length))
      (return)))
  (if (i32.lt_u (local.get $length) (i32.const 16))
    (then
      (i64.store $plane (local.get $to) (i64.load $guest (local.get $from)))
      (i64.store $plane (i32.sub (i32.add (local.get $to) (local.get $length)) (i32.const 8))
        (i64.load $guest (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 8))))
      (return)))
  (v128.store $plane (local.get $to) (v128.load $guest (local.get $from)))
  (v128.store $plane (i32.sub (i32.add (local.get $to) (local.get $length)) (i32.const 16))
    (v128.load $guest (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 16)))))

;; How a scalar kind is read: bytes, plus 128 when signed; 0 for kinds that are not scalar.
(func $kind_shape (@inline) (param $kind i32) (result i32)
  (if (i32.gt_u (local.get $kind) (i32.const {Kind.LAST}))
    (then (return (i32.const 0))))
  (i32.load8_u offset={control.shapes} (local.get $kind)))

(func $kind_is_buffer (@inline) (param $kind i32) (result i32)
  (i32.or (i32.eq (local.get $kind) (i32.const {Kind.String}))
    (i32.eq (local.get $kind) (i32.const {Kind.Bytes}))))

(func $load_unsigned (@inline) (param $at i32) (param $width i32) (result i64)
  (if (i32.eq (local.get $width) (i32.const 4)) (then (return (i64.load32_u (local.get $at)))))
  (if (i32.eq (local.get $width) (i32.const 8)) (then (return (i64.load (local.get $at)))))
  (if (i32.eq (local.get $width) (i32.const 2)) (then (return (i64.load16_u (local.get $at)))))
  (i64.load8_u (local.get $at)))

(func $store_scalar (@inline) (param $at i32) (param $width i32) (param $value i64)
  (if (i32.eq (local.get $width) (i32.const 4))
    (then (i64.store32 (local.get $at) (local.get $value)) (return)))
  (if (i32.eq (local.get $width) (i32.const 8))
    (then (i64.store (local.get $at) (local.get $value)) (return)))
  (if (i32.eq (local.get $width) (i32.const 2))
    (then (i64.store16 (local.get $at) (local.get $value)) (return)))
  (i64.store8 (local.get $at) (local.get $value)))

;; A scalar as 64 bits (signed kinds extended, Bool 1 only for the byte 1), or why there is none.
(func $read_scalar (@inline) (param $field i32) (param $element i32) (param $kind i32) (result i64 i32)
  (local $slot i32) (local $why i32) (local $at i32) (local $length i32) (local $shape i32) (local $value i64)
  (local $unused i64)
  (if (i32.eqz (local.tee $shape (call $kind_shape (local.get $kind))))
    (then (return (i64.const 0) (i32.const {why.not_scalar_kind}))))
  (local.set $why (call $field_slot (local.get $field) (local.get $element)))
  (local.set $slot)
  (if (local.get $why) (then (return (i64.const 0) (local.get $why))))
  (local.set $length (call $field_bytes (local.get $field) (local.get $slot)))
  (local.set $at)
  (if (i32.ne (local.get $length) (i32.and (local.get $shape) (i32.const 127)))
    (then (return (i64.const 0) (call $why_not_wide (local.get $length)))))
  (local.set $value (call $load_unsigned (local.get $at) (local.get $length)))
  (if (i32.eq (local.get $kind) (i32.const {Kind.Bool}))
    (then (return (i64.extend_i32_u (i64.eq (local.get $value) (i64.const 1))) (i32.const 0))))
  (if (i32.gt_u (local.get $shape) (i32.const 127))
    (then
      (local.set $unused (i64.extend_i32_u (i32.sub (i32.const 64) (i32.shl (local.get $length) (i32.const 3)))))
      (local.set $value
        (i64.shr_s (i64.shl (local.get $value) (local.get $unused)) (local.get $unused)))))
  (local.get $value) (i32.const 0))

;; Writes a scalar in place; 0, or why not.
(func $write_scalar (@inline) (param $field i32) (param $element i32) (param $kind i32) (param $value i64) (result i32)
  (local $slot i32) (local $why i32) (local $at i32) (local $length i32) (local $shape i32)
  (if (i32.eqz (local.tee $shape (call $kind_shape (local.get $kind))))
    (then (return (i32.const {why.not_writable_kind}))))
  (local.set $why (call $field_slot (local.get $field) (local.get $element)))
  (local.set $slot)
  (if (local.get $why) (then (return (local.get $why))))
  (local.set $length (call $field_bytes (local.get $field) (local.get $slot)))
  (local.set $at)
  (if (i32.ne (local.get $length) (i32.and (local.get $shape) (i32.const 127)))
    (then (return (call $why_not_wide (local.get $length)))))
  (if (i32.eq (local.get $kind) (i32.const {Kind.Bool}))
    (then (local.set $value (i64.extend_i32_u (i64.ne (local.get $value) (i64.const 0))))))
  (call $slot_written (local.get $element) (local.get $slot))
  (call $store_scalar (local.get $at) (local.get $length) (local.get $value))
  (@if {quirk.bytes-alias-memory} (then (call $slot_show (local.get $slot))))
  (i32.const 0))

;; Why a field of $length bytes (-1: absent) has no scalar of another width.
(func $why_not_wide (@inline) (param $length i32) (result i32)
  (select (i32.const {why.no_static}) (i32.const {why.width}) (i32.eq (local.get $length) (i32.const -1))))

;; Where the $length bytes of a String or Bytes value are to be written, or 0 and why they cannot be. A dynamic field
;; takes any length; a static member keeps its size: a shorter text is filled up with zeros, nothing is cut off.
(func $write_room (@inline) (param $field i32) (param $element i32) (param $length i32) (result i32 i32)
  (local $slot i32) (local $why i32) (local $at i32) (local $size i32)
  (if (i32.load offset={field.size} (local.get $field))
    (then  ;; upstream looks at the length first, whatever the element is
      (if (local.tee $why (call $static_fits (local.get $field) (local.get $length)))
        (then (return (i32.const 0) (local.get $why))))))
  (local.set $why (call $field_slot (local.get $field) (local.get $element)))
  (local.set $slot)
  (if (local.get $why) (then (return (i32.const 0) (local.get $why))))
  (if (i32.eq (local.get $slot) (i32.const {control.nothing}))
    (then (return (i32.const 0) (i32.const {why.empty_field}))))
  (if (i32.load offset={field.size} (local.get $field))
    (then
      (local.set $size (call $field_bytes (local.get $field) (local.get $slot)))
      (local.set $at)
      (if (i32.eq (local.get $size) (i32.const -1))
        (then (return (i32.const 0) (i32.const {why.no_static}))))
      (call $slot_written (local.get $element) (local.get $slot))
      (if (i32.ne (local.get $size) (local.get $length))
        (then
          (memory.fill (i32.add (local.get $at) (local.get $length)) (i32.const 0)
            (i32.sub (local.get $size) (local.get $length)))))
      (return (local.get $at) (i32.const 0))))
  (local.set $at (call $slot_room (local.get $element) (local.get $slot) (local.get $length)))
  (local.get $at)
  (select (i32.const 0) (i32.const {why.memory}) (local.get $at)))

;; 0, or why a value of $length bytes does not go into a static member.
(func $static_fits (@inline) (param $field i32) (param $length i32) (result i32)
  (local $wanted i32) (local $kind i32)
  (local.set $wanted (i32.load offset={field.size} (local.get $field)))
  (if (i32.gt_u (local.get $length) (local.get $wanted)) (then (return (i32.const {why.static_long}))))
  (local.set $kind (i32.load offset={field.kind} (local.get $field)))
  (select (i32.const {why.static_short}) (i32.const 0)
    (i32.and
      (i32.ne (local.get $length) (local.get $wanted))
      (i32.and (i32.ne (local.get $kind) (i32.const {Kind.String})) (i32.ne (local.get $kind) (i32.const {Kind.CString}))))))

;; Field and element behind two handles, or why not and the handle concerned.
(func $access (@inline) (param $field i32) (param $data i32) (result i32 i32 i32 i32)
  (local $accessor i32) (local $element i32)
  (if (i32.eqz (local.tee $accessor (call $handle_find (local.get $field) (i32.const {kind.field}))))
    (then (return (i32.const 0) (i32.const 0) (i32.const {why.not_field}) (local.get $field))))
  (if (i32.eqz (local.tee $element (call $data_find (local.get $data))))
    (then (return (i32.const 0) (i32.const 0) (i32.const {why.not_data}) (local.get $data))))
  (local.get $accessor) (local.get $element) (i32.const 0) (local.get $field))

;; On failure 1 goes to the guest's $error, unless that is 0; outside its memory the guest traps. Success writes nothing.
;; (The first release of this function has no $error.)
(@if {has.fieldGetScalar} (then (func $fieldGetScalar (export "fieldGetScalar") (type $fieldGetScalar)
  (param $field i32) (param $data i32) (param $kind i32) (@if {change.error-pointer} (then (param $error i32)))
  (result i64)
  (local $accessor i32) (local $element i32) (local $why i32) (local $detail i32) (local $value i64)
  (call $count)
  (call $access (local.get $field) (local.get $data))
  (local.set $detail) (local.set $why) (local.set $element) (local.set $accessor)
  (if (i32.eqz (local.get $why))
    (then
      (call $read_scalar (local.get $accessor) (local.get $element) (local.get $kind))
      (local.set $why) (local.set $value)
      (if (i32.eqz (local.get $why)) (then (return (local.get $value))))))
  (call $complain (i32.const {fn.fieldGetScalar}) (local.get $why) (local.get $detail))
  (@if {change.error-pointer} (then
    (if (local.get $error)
      (then
        (@if {quirk.error-pointer-outside} (then
          (if (i32.eqz (call $guest_holds (local.get $error) (i32.const 4)))
            (then (call $error_outside)))))
        (i32.store $guest (local.get $error) (i32.const 1))))))
  (@if {quirk.scalar-error-result}
    (then (i64.extend_i32_u (local.get $field)))
    (else (i64.const {error.fieldGetScalar}))))))

(@if {quirk.error-pointer-outside} (then
  (func $error_outside
    (@if {quirk.no-memory} (then
      (if (i32.load (i32.const {control.no_memory}))
        (then (call $trap (i32.const {fn.fieldGetScalar}) (i32.const {why.address}) (i32.const 0))))))
    (call $end (i32.const {fn.fieldGetScalar}) (i32.const {why.error_pointer})))))

;; Copies the bytes of any field, as they are, to $destination (length << 32 | address); all of them or nothing.
(@if {has.fieldGetBuffer} (then (func $fieldGetBuffer (export "fieldGetBuffer") (type $fieldGetBuffer)
  (param $field i32) (param $data i32) (param $kind i32) (param $destination i64) (result i32)
  (local $accessor i32) (local $element i32) (local $slot i32) (local $why i32) (local $detail i32)
  (local $from i32) (local $length i32) (local $to i32) (local $capacity i32)
  (local.set $to (i32.wrap_i64 (local.get $destination)))
  (local.set $capacity (i32.wrap_i64 (i64.shr_u (local.get $destination) (i64.const 32))))
  (call $count)
  (block $fail
    (call $access (local.get $field) (local.get $data))
    (local.set $detail) (local.set $why) (local.set $element) (local.set $accessor)
    (br_if $fail (local.get $why))
    (local.set $why (i32.const {why.not_buffer_kind}))
    (br_if $fail (i32.eqz (call $kind_is_buffer (local.get $kind))))
    (local.set $why (call $field_slot (local.get $accessor) (local.get $element)))
    (local.set $slot)
    (br_if $fail (local.get $why))
    (local.set $length (call $field_bytes (local.get $accessor) (local.get $slot)))
    (local.set $from)
    (local.set $why (i32.const {why.no_static}))
    (br_if $fail (i32.eq (local.get $length) (i32.const -1)))
    (@if {quirk.destination-bounds} (then) (else
      (local.set $why (i32.const {why.address}))
      (br_if $fail (i32.eqz (call $guest_holds (local.get $to) (local.get $capacity))))))
    (local.set $why (i32.const {why.small}))
    (local.set $detail (local.get $length))
    (br_if $fail (i32.gt_u (local.get $length) (local.get $capacity)))
    (@if {quirk.destination-bounds} (then
      (local.set $why (i32.const {why.address}))
      (br_if $fail (i32.eqz (call $guest_holds (local.get $to) (local.get $length))))))
    (call $copy_out (local.get $to) (local.get $from) (local.get $length))
    (return (local.get $length)))
  (call $complain (i32.const {fn.fieldGetBuffer}) (local.get $why) (local.get $detail))
  (i32.const {error.fieldGetBuffer}))))

;; $value is a scalar's bits or, for the kinds String and Bytes, length << 32 | address of bytes that are copied.
;; (For a long time upstream forgot to return anything, which leaves the first argument in its place.)
(func $fieldSet (export "fieldSet") (type $fieldSet)
  (param $field i32) (param $data i32) (param $kind i32) (param $value i64) (result i32)
  (local $accessor i32) (local $element i32) (local $why i32) (local $detail i32)
  (call $count)
  (call $access (local.get $field) (local.get $data))
  (local.set $detail) (local.set $why) (local.set $element) (local.set $accessor)
  (if (i32.eqz (local.get $why))
    (then
      (local.set $why
        (if (result i32) (call $kind_is_buffer (local.get $kind))
          (then
            (call $set_from_guest
              (local.get $accessor) (local.get $element) (local.get $kind) (local.get $value)))
          (else
            (call $write_scalar (local.get $accessor) (local.get $element) (local.get $kind) (local.get $value)))))
      (if (i32.eqz (local.get $why))
        (then
          (return (@if {change.field-set-returns-zero} (then (i32.const 0)) (else (local.get $field))))))))
  (call $complain (i32.const {fn.fieldSet}) (local.get $why) (local.get $detail))
  (i32.const {error.fieldSet}))

(func $set_from_guest (@inline) (param $field i32) (param $element i32) (param $kind i32) (param $value i64) (result i32)
  (local $from i32) (local $length i32) (local $to i32) (local $why i32)
  (local.set $from (i32.wrap_i64 (local.get $value)))
  (local.set $length (i32.wrap_i64 (i64.shr_u (local.get $value) (i64.const 32))))
  (if (i32.eqz (call $guest_holds (local.get $from) (local.get $length)))
    (then (return (i32.const {why.address}))))
  (local.set $why (call $write_room (local.get $field) (local.get $element) (local.get $length)))
  (local.set $to)
  (if (i32.eqz (local.get $why))
    (then
      (call $copy_in (local.get $to) (local.get $from) (local.get $length))
      (@if {quirk.bytes-alias-memory} (then
        (if (i32.and
              (i32.eq (local.get $kind) (i32.const {Kind.Bytes}))
              (i32.eqz (i32.load offset={field.size} (local.get $field))))
          (then
            (call $slot_alias
              (call $element_slot (local.get $element) (i32.load offset={field.slot} (local.get $field)))
              (local.get $from))))))))
  (local.get $why))

;; The same for Python, whose value lies in this module's memory; 0, or why not.
(func $view_set_scalar (export "view_set_scalar")
  (param $field i32) (param $element i32) (param $kind i32) (param $value i64) (result i32)
  (call $write_scalar (local.get $field) (local.get $element) (local.get $kind) (local.get $value)))

(func $view_set_bytes (export "view_set_bytes")
  (param $field i32) (param $element i32) (param $from i32) (param $length i32) (result i32)
  (local $to i32) (local $why i32)
  (local.set $why (call $write_room (local.get $field) (local.get $element) (local.get $length)))
  (local.set $to)
  (if (i32.eqz (local.get $why))
    (then (memory.copy (local.get $to) (local.get $from) (local.get $length))))
  (local.get $why))
