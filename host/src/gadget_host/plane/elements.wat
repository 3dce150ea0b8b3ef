;; Data elements: the rows themselves. A single packet is one element; an array packet holds any number of them.
;;
;;   object:  [references][source][type: the kind of handle it gets][count][batch][origin][.. see below]
;;   element: object with count = its slots, [written][holds], then per slot
;;            [pointer][length][capacity][next written][inline: 8 bytes]
;;            and with the quirk bytes-alias-memory [guest][pages], see alias.wat
;;
;; A slot's bytes are where its pointer says: in the slot itself (scalars, strings of up to 8 bytes), in a heap block
;; of its own (capacity > 0), or in the rows that Python wrote for this batch. Of the last two holds says which there
;; may be: {holds.rows}, {holds.blocks}. An element keeps the number of slots its source had when it was made: nothing is
;; laid out again.
;; The slots that were written are a list: the element has the last one's address, each has that of the one before, the
;; first has 1; a slot that was not written has 0.
;; batch and origin say which event of which batch an element was made from, so that only what was changed need be
;; written out again; batch 0: none.

(func $element_bytes (@inline) (param $count i32) (result i32)
  (i32.add (i32.const {object.SIZE}) (i32.mul (local.get $count) (i32.const {slot.SIZE}))))

(func $element_slot (@inline) (param $element i32) (param $slot i32) (result i32)
  (i32.add (local.get $element) (call $element_bytes (local.get $slot))))

;; An element without slots' contents, with one reference; 0 without memory.
(func $element_new (@inline) (param $source i32) (param $type i32) (result i32)
  (local $element i32) (local $count i32)
  (local.set $count (i32.load offset={source.slots} (local.get $source)))
  (if (local.tee $element (call $heap_new (call $element_bytes (local.get $count))))
    (then
      (i32.store offset={object.references} (local.get $element) (i32.const 1))
      (i32.store offset={object.source} (local.get $element) (local.get $source))
      (i32.store offset={object.type} (local.get $element) (local.get $type))
      (i32.store offset={object.count} (local.get $element) (local.get $count))
      (i32.store offset={object.batch} (local.get $element) (i32.const 0))
      (i32.store offset={object.origin} (local.get $element) (i32.const 0))
      (i32.store offset={object.written} (local.get $element) (i32.const 0))
      (i32.store offset={object.holds} (local.get $element) (i32.const 0))))
  (local.get $element))

;; What a guest's new packet holds: scalars are zero, everything else is empty.
(func $element_blank (param $source i32) (param $type i32) (result i32)
  (local $element i32)
  (if (local.tee $element (call $element_new (local.get $source) (local.get $type)))
    (then (call $slots_blank (local.get $element) (i32.const 0))))
  (local.get $element))

(func $slots_blank (param $element i32) (param $from i32)
  (local $slot i32) (local $end i32) (local $entry i32)
  (local.set $slot (call $element_slot (local.get $element) (local.get $from)))
  (local.set $end (call $element_slot (local.get $element) (i32.load offset={object.count} (local.get $element))))
  (local.set $entry
    (i32.add (i32.load offset={source.table} (i32.load offset={object.source} (local.get $element)))
      (i32.shl (local.get $from) (i32.const {entry.SHIFT}))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $slot) (local.get $end)))
      (i32.store offset={slot.pointer} (local.get $slot) (i32.add (local.get $slot) (i32.const {slot.inline})))
      (i32.store offset={slot.length} (local.get $slot) (i32.load offset={entry.blank} (local.get $entry)))
      (i64.store offset={slot.capacity} (local.get $slot) (i64.const 0)) ;; and next
      (i64.store offset={slot.inline} (local.get $slot) (i64.const 0))
      (@if {quirk.bytes-alias-memory} (then (i32.store offset={slot.pages} (local.get $slot) (i32.const 0))))
      (local.set $slot (i32.add (local.get $slot) (i32.const {slot.SIZE})))
      (local.set $entry (i32.add (local.get $entry) (i32.const {entry.SIZE})))
      (br $next))))

;; An element whose first $wire slots are those of an encoded row, and where that row ends. The row is
;;
;;   [per slot: its bytes, or the u32 length of a variable one][the bytes of the variable ones]
;;
;; and is not copied: the slots point into it.
(func $element_of_row (@inline) (param $source i32) (param $type i32) (param $row i32) (param $wire i32) (result i32 i32)
  (local $element i32) (local $slot i32) (local $entry i32) (local $end i32) (local $at i32) (local $rest i32)
  (local $length i32)
  (if (i32.eqz (local.tee $element (call $element_new (local.get $source) (local.get $type))))
    (then (return (i32.const 0) (local.get $row))))
  (i32.store offset={object.holds} (local.get $element) (i32.const {holds.rows}))
  (local.set $slot (call $element_slot (local.get $element) (i32.const 0)))
  (local.set $end (call $element_slot (local.get $element) (local.get $wire)))
  (local.set $entry (i32.load offset={source.table} (local.get $source)))
  (local.set $rest
    (i32.add (local.get $row)
      (i32.load offset={entry.offset}
        (i32.add (local.get $entry) (i32.shl (local.get $wire) (i32.const {entry.SHIFT}))))))
  (if (local.get $wire) (then
    (loop $next
      (local.set $at (i32.add (local.get $row) (i32.load offset={entry.offset} (local.get $entry))))
      (if (local.tee $length (i32.load offset={entry.width} (local.get $entry)))
        (then (i32.store offset={slot.pointer} (local.get $slot) (local.get $at)))
        (else
          (local.set $length (i32.load (local.get $at)))
          (i32.store offset={slot.pointer} (local.get $slot) (local.get $rest))
          (local.set $rest (i32.add (local.get $rest) (local.get $length)))))
      (i32.store offset={slot.length} (local.get $slot) (local.get $length))
      (i64.store offset={slot.capacity} (local.get $slot) (i64.const 0)) ;; and next
      (@if {quirk.bytes-alias-memory} (then (i32.store offset={slot.pages} (local.get $slot) (i32.const 0))))
      (local.set $slot (i32.add (local.get $slot) (i32.const {slot.SIZE})))
      (local.set $entry (i32.add (local.get $entry) (i32.const {entry.SIZE})))
      (br_if $next (i32.lt_u (local.get $slot) (local.get $end))))))
  (if (i32.lt_u (local.get $wire) (i32.load offset={object.count} (local.get $element)))
    (then (call $slots_blank (local.get $element) (local.get $wire))))
  (local.get $element) (local.get $rest))

;; Copies what an element borrows from its batch's rows, so that it may outlive the batch; 0 without memory.
(func $element_own (param $element i32) (result i32)
  (local $slot i32) (local $end i32)
  (if (i32.eqz (i32.and (i32.load offset={object.holds} (local.get $element)) (i32.const {holds.rows})))
    (then (return (i32.const 1))))
  (i32.store offset={object.batch} (local.get $element) (i32.const 0))
  (local.set $slot (call $element_slot (local.get $element) (i32.const 0)))
  (local.set $end (call $element_slot (local.get $element) (i32.load offset={object.count} (local.get $element))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $slot) (local.get $end)))
      (if (i32.eqz (call $slot_own (local.get $element) (local.get $slot)))
        (then (return (i32.const 0))))
      (local.set $slot (i32.add (local.get $slot) (i32.const {slot.SIZE})))
      (br $next)))
  (i32.store offset={object.holds} (local.get $element) (i32.const {holds.blocks}))
  (i32.const 1))

(func $slot_own (param $element i32) (param $slot i32) (result i32)
  (local $from i32) (local $to i32) (local $length i32)
  (local.set $from (i32.load offset={slot.pointer} (local.get $slot)))
  (local.set $length (i32.load offset={slot.length} (local.get $slot)))
  (if (i32.or
        (i32.load offset={slot.capacity} (local.get $slot))
        (i32.eq (local.get $from) (i32.add (local.get $slot) (i32.const {slot.inline}))))
    (then (return (i32.const 1))))
  (if (i32.eqz (local.tee $to (call $slot_room (local.get $element) (local.get $slot) (local.get $length))))
    (then (return (i32.const 0))))
  (memory.copy (local.get $to) (local.get $from) (local.get $length))
  (i32.const 1))

;; Gives a slot $length bytes of its own in place of what it held, and says where they are; the caller fills them.
;; 0 without memory, the slot unchanged.
(func $slot_room (param $element i32) (param $slot i32) (param $length i32) (result i32)
  (local $capacity i32) (local $block i32) (local $old i32)
  (local.set $capacity (i32.load offset={slot.capacity} (local.get $slot)))
  (local.set $old (i32.load offset={slot.pointer} (local.get $slot)))
  (call $slot_written (local.get $element) (local.get $slot))
  (@if {quirk.bytes-alias-memory} (then (i32.store offset={slot.pages} (local.get $slot) (i32.const 0))))
  (if (local.get $capacity)
    (then
      (if (i32.le_u (local.get $length) (local.get $capacity))
        (then
          (i32.store offset={slot.length} (local.get $slot) (local.get $length))
          (return (local.get $old)))))
    (else
      (if (i32.le_u (local.get $length) (i32.const {slot.INLINE_BYTES}))
        (then
          (local.set $block (i32.add (local.get $slot) (i32.const {slot.inline})))
          (i32.store offset={slot.pointer} (local.get $slot) (local.get $block))
          (i32.store offset={slot.length} (local.get $slot) (local.get $length))
          (return (local.get $block))))))
  (if (i32.eqz (local.tee $block (call $heap_new (local.get $length))))
    (then (return (i32.const 0))))
  (i32.store offset={object.holds} (local.get $element)
    (i32.or (i32.load offset={object.holds} (local.get $element)) (i32.const {holds.blocks})))
  (call $slot_take (local.get $slot) (local.get $block) (local.get $length))
  (if (local.get $capacity)
    (then (call $heap_free (local.get $old) (local.get $capacity))))
  (local.get $block))

;; Points a slot to a block of its own.
(func $slot_take (@inline) (param $slot i32) (param $block i32) (param $length i32)
  (local $capacity i32)
  (local.set $capacity (call $heap_capacity (local.get $length)))
  (i32.store offset={slot.pointer} (local.get $slot) (local.get $block))
  (i32.store offset={slot.length} (local.get $slot) (local.get $length))
  (i32.store offset={slot.capacity} (local.get $slot) (local.get $capacity)))

;; Puts a slot on the list of those that were written.
(func $slot_written (@inline) (param $element i32) (param $slot i32)
  (local $last i32)
  (if (i32.load offset={slot.next} (local.get $slot)) (then (return)))
  (local.set $last (i32.load offset={object.written} (local.get $element)))
  (i32.store offset={slot.next} (local.get $slot) (select (local.get $last) (i32.const 1) (local.get $last)))
  (i32.store offset={object.written} (local.get $element) (local.get $slot)))

;; Drops the delivery's reference to its packet: mostly the last one, to an element without blocks of its own.
(func $packet_release (@inline) (param $packet i32)
  (if (i32.and
        (i32.eq (i32.load offset={object.references} (local.get $packet)) (i32.const 1))
        (i32.and
          (i32.ne (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array}))
          (i32.eqz (i32.and (i32.load offset={object.holds} (local.get $packet)) (i32.const {holds.blocks})))))
    (then (call $element_drop (local.get $packet)))
    (else (call $object_release (local.get $packet)))))

(func $element_drop (@inline) (param $element i32)
  (call $heap_free (local.get $element)
    (call $element_bytes (i32.load offset={object.count} (local.get $element)))))

;; Frees an element that nobody refers to any more. Only slots that were written can have a block.
(func $element_free (@inline) (param $element i32)
  (local $slot i32) (local $capacity i32)
  (local.set $slot (i32.load offset={object.written} (local.get $element)))
  (if (local.get $slot) (then
    (loop $next
      (if (local.tee $capacity (i32.load offset={slot.capacity} (local.get $slot)))
        (then (call $heap_free (i32.load offset={slot.pointer} (local.get $slot)) (local.get $capacity))))
      (br_if $next (i32.gt_u (local.tee $slot (i32.load offset={slot.next} (local.get $slot))) (i32.const 1))))))
  (call $element_drop (local.get $element)))

(func $object_retain (@inline) (param $object i32) (result i32)
  (i32.store offset={object.references} (local.get $object)
    (i32.add (i32.load offset={object.references} (local.get $object)) (i32.const 1)))
  (local.get $object))

(func $object_release (@inline) (param $object i32)
  (local $left i32)
  (local.set $left (i32.sub (i32.load offset={object.references} (local.get $object)) (i32.const 1)))
  (i32.store offset={object.references} (local.get $object) (local.get $left))
  (if (i32.eqz (local.get $left))
    (then (call $object_free (local.get $object)))))

(func $object_free (param $object i32)
  (if (i32.eq (i32.load offset={object.type} (local.get $object)) (i32.const {kind.array}))
    (then (call $array_free (local.get $object)))
    (else (call $element_free (local.get $object)))))
