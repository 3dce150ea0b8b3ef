;; Output: what collectors were handed, as records in the order of emission, in a buffer that Python empties.
;;
;;   record:   [bytes][collector][type: kind of the packet][elements][origin: row of the batch] element ...
;;   element:  whole    [batch = 0][origin][count = its slots]   [fixed part][bytes of the variable slots]
;;             changed  [batch][origin][count = changed slots]   per slot: [slot][length][bytes]
;;
;; "whole" is a row as in batch.wat over all slots of the element. "changed" goes out the first time an element that
;; Python itself encoded is collected: Python still has the event. A scalar slot whose bytes have not the width of the
;; field's kind (its value was replaced by a string of another length) reads as zero.

(func $collect (param $collector i32) (param $frame i32) (param $packet i32)
  (local $at i32) (local $bytes i32) (local $source i32)
  (local.set $source (i32.load offset={frame.source} (local.get $frame)))
  (if (call $is_foreign (local.get $packet) (local.get $source))
    (then
      (call $warn (i32.const {fn.dataSourceEmitAndRelease}) (i32.const {why.foreign_packet}) (i32.const 0))
      (return)))
  (local.set $bytes (i32.add (i32.const {record.SIZE}) (call $packet_bytes (local.get $packet) (local.get $source))))
  (if (i32.eqz (call $output_reserve (local.get $bytes)))
    (then
      (call $warn (i32.const {fn.dataSourceEmitAndRelease}) (i32.const {why.memory}) (i32.const 0))
      (return)))
  (local.set $at (i32.load (i32.const {control.output_top})))
  (i32.store offset={record.bytes} (local.get $at) (local.get $bytes))
  (i32.store offset={record.collector} (local.get $at) (local.get $collector))
  (i32.store offset={record.type} (local.get $at) (i32.load offset={object.type} (local.get $packet)))
  (i32.store offset={record.origin} (local.get $at) (i32.load offset={object.origin} (local.get $packet)))
  (call $packet_write (local.get $at) (local.get $packet) (local.get $source))
  (i32.store (i32.const {control.output_top}) (i32.add (local.get $at) (local.get $bytes))))

;; Whether collectors of $source cannot read a packet; with the quirk foreign-field they take what is in the slots.
(func $is_foreign (@inline) (param $packet i32) (param $source i32) (result i32)
  (@if {quirk.foreign-field}
    (then
      (i32.ne
        (i32.eq (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array}))
        (call $source_is_array (local.get $source))))
    (else (i32.ne (i32.load offset={object.source} (local.get $packet)) (local.get $source)))))

;; Room for $bytes at the top of the buffer: by having it emptied, by a larger one if need be; 0 without memory.
(func $output_reserve (@inline) (param $bytes i32) (result i32)
  (if (i32.le_u (local.get $bytes)
        (i32.sub (i32.load (i32.const {control.output_end})) (i32.load (i32.const {control.output_top}))))
    (then (return (i32.const 1))))
  (call $output_renew (local.get $bytes)))

(func $output_renew (param $bytes i32) (result i32)
  (local $block i32)
  (call $flush)
  (if (i32.le_u (local.get $bytes)
        (i32.sub (i32.load (i32.const {control.output_end})) (i32.load (i32.const {control.output_base}))))
    (then (return (i32.const 1))))
  (if (i32.lt_u (local.get $bytes) (i32.const {output.LEAST}))
    (then (local.set $bytes (i32.const {output.LEAST}))))
  (if (i32.eqz (local.tee $block (call $heap_new (local.get $bytes))))
    (then (return (i32.const 0))))
  (call $output_replace (local.get $block) (call $heap_capacity (local.get $bytes)))
  (i32.const 1))

(func $output_replace (param $block i32) (param $bytes i32)
  (local $old i32) (local $old_bytes i32)
  (local.set $old (i32.load (i32.const {control.output_base})))
  (local.set $old_bytes (i32.sub (i32.load (i32.const {control.output_end})) (local.get $old)))
  (i32.store (i32.const {control.output_base}) (local.get $block))
  (i32.store (i32.const {control.output_top}) (local.get $block))
  (i32.store (i32.const {control.output_end}) (i32.add (local.get $block) (local.get $bytes)))
  (if (local.get $old)
    (then (call $heap_free (local.get $old) (local.get $old_bytes)))))

(func $packet_bytes (@inline) (param $packet i32) (param $source i32) (result i32)
  (local $index i32) (local $bytes i32)
  (if (i32.ne (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array}))
    (then (return (call $element_record_bytes (local.get $packet) (local.get $source)))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (i32.load offset={object.count} (local.get $packet))))
      (local.set $bytes
        (i32.add (local.get $bytes)
          (call $element_record_bytes
            (i32.load (call $array_item (local.get $packet) (local.get $index))) (local.get $source))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
  (local.get $bytes))

;; The elements of a record. After this they are no longer "changed" ones: the event they came from is spoken for.
(func $packet_write (@inline) (param $record i32) (param $packet i32) (param $source i32)
  (local $index i32) (local $at i32) (local $count i32)
  (local.set $at (i32.add (local.get $record) (i32.const {record.SIZE})))
  (if (i32.ne (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array}))
    (then
      (i32.store offset={record.elements} (local.get $record) (i32.const 1))
      (drop (call $element_write (local.get $at) (local.get $packet) (local.get $source)))
      (return)))
  (local.set $count (i32.load offset={object.count} (local.get $packet)))
  (i32.store offset={record.elements} (local.get $record) (local.get $count))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
      (local.set $at
        (call $element_write (local.get $at)
          (i32.load (call $array_item (local.get $packet) (local.get $index))) (local.get $source)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next))))

;; The batch with the event of which only what was changed need be written; 0: none.
(func $batch_of (@inline) (param $element i32) (param $source i32) (result i32)
  (@if {quirk.foreign-field} (then
    (if (i32.ne (i32.load offset={object.source} (local.get $element)) (local.get $source))
      (then (return (i32.const 0))))))
  (i32.load offset={object.batch} (local.get $element)))

(func $element_record_bytes (@inline) (param $element i32) (param $source i32) (result i32)
  (if (call $batch_of (local.get $element) (local.get $source))
    (then (return (call $changed_bytes (local.get $element)))))
  (call $whole_bytes (local.get $element) (local.get $source)))

(func $element_write (@inline) (param $at i32) (param $element i32) (param $source i32) (result i32)
  (local $end i32) (local $batch i32)
  (local.set $batch (call $batch_of (local.get $element) (local.get $source)))
  (i32.store offset={part.batch} (local.get $at) (local.get $batch))
  (i32.store offset={part.origin} (local.get $at) (i32.load offset={object.origin} (local.get $element)))
  (if (i32.eqz (local.get $batch))
    (then (return (call $whole_write (local.get $at) (local.get $element) (local.get $source)))))
  (local.set $end (call $changed_write (local.get $at) (local.get $element)))
  (i32.store offset={object.batch} (local.get $element) (i32.const 0))
  (local.get $end))

;; Bytes a slot has in a record: those of its kind, or all it holds.
(func $slot_bytes (@inline) (param $entry i32) (param $slot i32) (result i32)
  (local $width i32)
  (if (local.tee $width (i32.load offset={entry.width} (local.get $entry)))
    (then (return (local.get $width))))
  (i32.load offset={slot.length} (local.get $slot)))

;; Writes a slot's $bytes.
(func $slot_write (@inline) (param $at i32) (param $slot i32) (param $bytes i32)
  (local $from i32)
  (@if {quirk.bytes-alias-memory} (then (call $slot_look (local.get $slot))))
  (local.set $from (i32.load offset={slot.pointer} (local.get $slot)))
  (if (i32.ne (local.get $bytes) (i32.load offset={slot.length} (local.get $slot)))
    (then
      (memory.fill (local.get $at) (i32.const 0) (local.get $bytes))
      (return)))
  (if (i32.eq (local.get $bytes) (i32.const 4))
    (then
      (i32.store (local.get $at) (i32.load (local.get $from)))
      (return)))
  (if (i32.eq (local.get $bytes) (i32.const 8))
    (then
      (i64.store (local.get $at) (i64.load (local.get $from)))
      (return)))
  (memory.copy (local.get $at) (local.get $from) (local.get $bytes)))

(func $entries_of (@inline) (param $element i32) (result i32)
  (i32.load offset={source.table} (i32.load offset={object.source} (local.get $element))))

(func $entry_at (@inline) (param $table i32) (param $slot i32) (result i32)
  (i32.add (local.get $table) (i32.shl (local.get $slot) (i32.const {entry.SHIFT}))))

;; How many slots of an element a record for collectors of $source shows. With the quirk append-foreign-data the element
;; may be of another source; then what it has in the slots of those numbers is taken for theirs.
(func $slots_shown (@inline) (param $element i32) (param $source i32) (result i32)
  (local $count i32)
  (local.set $count (i32.load offset={object.count} (local.get $element)))
  (@if {quirk.append-foreign-data} (then
    (if (i32.gt_u (local.get $count) (i32.load offset={source.slots} (local.get $source)))
      (then (return (i32.load offset={source.slots} (local.get $source)))))))
  (local.get $count))

(func $whole_bytes (@inline) (param $element i32) (param $source i32) (result i32)
  (local $slot i32) (local $entry i32) (local $index i32) (local $count i32) (local $bytes i32)
  (local.set $count (call $slots_shown (local.get $element) (local.get $source)))
  (local.set $entry (i32.load offset={source.table} (local.get $source)))
  (local.set $slot (call $element_slot (local.get $element) (i32.const 0)))
  (local.set $bytes
    (i32.add (i32.const {part.SIZE})
      (i32.load offset={entry.offset} (call $entry_at (local.get $entry) (local.get $count)))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
      (if (i32.eqz (i32.load offset={entry.width} (local.get $entry)))
        (then
          (local.set $bytes (i32.add (local.get $bytes) (i32.load offset={slot.length} (local.get $slot))))))
      (local.set $slot (i32.add (local.get $slot) (i32.const {slot.SIZE})))
      (local.set $entry (i32.add (local.get $entry) (i32.const {entry.SIZE})))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
  (local.get $bytes))

(func $whole_write (@inline) (param $part i32) (param $element i32) (param $source i32) (result i32)
  (local $slot i32) (local $entry i32) (local $index i32) (local $count i32) (local $fixed i32) (local $rest i32)
  (local $at i32) (local $bytes i32)
  (local.set $count (call $slots_shown (local.get $element) (local.get $source)))
  (local.set $entry (i32.load offset={source.table} (local.get $source)))
  (local.set $slot (call $element_slot (local.get $element) (i32.const 0)))
  (i32.store offset={part.count} (local.get $part) (local.get $count))
  (local.set $fixed (i32.add (local.get $part) (i32.const {part.SIZE})))
  (local.set $rest
    (i32.add (local.get $fixed)
      (i32.load offset={entry.offset} (call $entry_at (local.get $entry) (local.get $count)))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
      (local.set $at (i32.add (local.get $fixed) (i32.load offset={entry.offset} (local.get $entry))))
      (local.set $bytes (call $slot_bytes (local.get $entry) (local.get $slot)))
      (if (i32.load offset={entry.width} (local.get $entry))
        (then (call $slot_write (local.get $at) (local.get $slot) (local.get $bytes)))
        (else
          (i32.store (local.get $at) (local.get $bytes))
          (call $slot_write (local.get $rest) (local.get $slot) (local.get $bytes))
          (local.set $rest (i32.add (local.get $rest) (local.get $bytes)))))
      (local.set $slot (i32.add (local.get $slot) (i32.const {slot.SIZE})))
      (local.set $entry (i32.add (local.get $entry) (i32.const {entry.SIZE})))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
  (local.get $rest))

(func $changed_bytes (param $element i32) (result i32)
  (local $slot i32) (local $bytes i32)
  (local.set $bytes (i32.const {part.SIZE}))
  (local.set $slot (i32.load offset={object.written} (local.get $element)))
  (block $done
    (loop $next
      (br_if $done (i32.le_u (local.get $slot) (i32.const 1)))
      (local.set $bytes
        (i32.add (i32.add (local.get $bytes) (i32.const {change.SIZE}))
          (call $slot_bytes
            (call $entry_at (call $entries_of (local.get $element))
              (call $slot_index (local.get $element) (local.get $slot)))
            (local.get $slot))))
      (local.set $slot (i32.load offset={slot.next} (local.get $slot)))
      (br $next)))
  (local.get $bytes))

(func $slot_index (@inline) (param $element i32) (param $slot i32) (result i32)
  (i32.div_u
    (i32.sub (local.get $slot) (call $element_slot (local.get $element) (i32.const 0)))
    (i32.const {slot.SIZE})))

(func $changed_write (param $part i32) (param $element i32) (result i32)
  (local $slot i32) (local $index i32) (local $at i32) (local $bytes i32) (local $count i32)
  (local.set $at (i32.add (local.get $part) (i32.const {part.SIZE})))
  (local.set $slot (i32.load offset={object.written} (local.get $element)))
  (block $done
    (loop $next
      (br_if $done (i32.le_u (local.get $slot) (i32.const 1)))
      (local.set $index (call $slot_index (local.get $element) (local.get $slot)))
      (local.set $bytes
        (call $slot_bytes
          (call $entry_at (call $entries_of (local.get $element)) (local.get $index)) (local.get $slot)))
      (i32.store offset={change.slot} (local.get $at) (local.get $index))
      (i32.store offset={change.length} (local.get $at) (local.get $bytes))
      (local.set $at (i32.add (local.get $at) (i32.const {change.SIZE})))
      (call $slot_write (local.get $at) (local.get $slot) (local.get $bytes))
      (local.set $at (i32.add (local.get $at) (local.get $bytes)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (local.set $slot (i32.load offset={slot.next} (local.get $slot)))
      (br $next)))
  (i32.store offset={part.count} (local.get $part) (local.get $count))
  (local.get $at))

;; An element written out whole, for Python to look at now: above the top of the output, not a part of it. The result
;; is its address (0 without memory); it ends at control.record_end.
(func $record_of (export "record_of") (param $element i32) (result i32)
  (local $at i32)
  (if (i32.eqz (call $output_reserve
        (call $whole_bytes (local.get $element) (i32.load offset={object.source} (local.get $element)))))
    (then (return (i32.const 0))))
  (local.set $at (i32.load (i32.const {control.output_top})))
  (i32.store (i32.const {control.record_end})
    (call $whole_write (local.get $at) (local.get $element) (i32.load offset={object.source} (local.get $element))))
  (local.get $at))
