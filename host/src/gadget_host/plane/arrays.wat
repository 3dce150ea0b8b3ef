;; Array packets, and the guest's dataArray* functions.
;;
;;   array: object with count = its elements, [items][capacity];  items: [element: u32] ...
;;
;; An array holds a reference to each element; the same element may stand in it twice.

(func $array_new (param $source i32) (result i32)
  (local $array i32)
  (if (local.tee $array (call $heap_new (i32.const {object.SIZE})))
    (then
      (i32.store offset={object.references} (local.get $array) (i32.const 1))
      (i32.store offset={object.source} (local.get $array) (local.get $source))
      (i32.store offset={object.type} (local.get $array) (i32.const {kind.array}))
      (i32.store offset={object.count} (local.get $array) (i32.const 0))
      (i32.store offset={object.batch} (local.get $array) (i32.const 0))
      (i32.store offset={object.origin} (local.get $array) (i32.const 0))
      (i32.store offset={object.items} (local.get $array) (i32.const 0))
      (i32.store offset={object.capacity} (local.get $array) (i32.const 0))))
  (local.get $array))

(func $array_item (@inline) (param $array i32) (param $index i32) (result i32)
  (i32.add (i32.load offset={object.items} (local.get $array)) (i32.shl (local.get $index) (i32.const 2))))

;; Appends an element, taking over the caller's reference; 0 without memory.
(func $array_push (param $array i32) (param $element i32) (result i32)
  (local $count i32)
  (local.set $count (i32.load offset={object.count} (local.get $array)))
  (if (i32.eq (local.get $count) (i32.load offset={object.capacity} (local.get $array)))
    (then
      (if (i32.eqz (call $array_widen (local.get $array)))
        (then (return (i32.const 0))))))
  (i32.store (call $array_item (local.get $array) (local.get $count)) (local.get $element))
  (i32.store offset={object.count} (local.get $array) (i32.add (local.get $count) (i32.const 1)))
  (i32.const 1))

(func $array_widen (param $array i32) (result i32)
  (local $old i32) (local $new i32) (local $capacity i32)
  (local.set $capacity (i32.load offset={object.capacity} (local.get $array)))
  (local.set $old (i32.load offset={object.items} (local.get $array)))
  (local.set $new
    (call $heap_new
      (select (i32.shl (local.get $capacity) (i32.const 3)) (i32.const 16) (local.get $capacity))))
  (if (i32.eqz (local.get $new))
    (then (return (i32.const 0))))
  (memory.copy (local.get $new) (local.get $old) (i32.shl (local.get $capacity) (i32.const 2)))
  (i32.store offset={object.items} (local.get $array) (local.get $new))
  (i32.store offset={object.capacity} (local.get $array)
    (select (i32.shl (local.get $capacity) (i32.const 1)) (i32.const 4) (local.get $capacity)))
  (if (local.get $capacity)
    (then (call $heap_free (local.get $old) (i32.shl (local.get $capacity) (i32.const 2)))))
  (i32.const 1))

;; Takes the element at $index (< count) out of the array.
(func $array_remove (export "array_remove") (param $array i32) (param $index i32)
  (local $item i32) (local $element i32) (local $count i32)
  (local.set $item (call $array_item (local.get $array) (local.get $index)))
  (local.set $element (i32.load (local.get $item)))
  (local.set $count (i32.sub (i32.load offset={object.count} (local.get $array)) (i32.const 1)))
  (i32.store offset={object.count} (local.get $array) (local.get $count))
  (memory.copy (local.get $item) (i32.add (local.get $item) (i32.const 4))
    (i32.shl (i32.sub (local.get $count) (local.get $index)) (i32.const 2)))
  (call $object_release (local.get $element)))

(func $array_free (param $array i32)
  (local $item i32) (local $end i32)
  (local.set $item (i32.load offset={object.items} (local.get $array)))
  (local.set $end (call $array_item (local.get $array) (i32.load offset={object.count} (local.get $array))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $item) (local.get $end)))
      (call $object_release (i32.load (local.get $item)))
      (local.set $item (i32.add (local.get $item) (i32.const 4)))
      (br $next)))
  (if (i32.load offset={object.capacity} (local.get $array))
    (then
      (call $heap_free (i32.load offset={object.items} (local.get $array))
        (i32.shl (i32.load offset={object.capacity} (local.get $array)) (i32.const 2)))))
  (call $heap_free (local.get $array) (i32.const {object.SIZE})))

(func $dataArrayNew (export "dataArrayNew") (type $dataArrayNew) (param $array i32) (result i32)
  (local $object i32) (local $element i32) (local $handle i32)
  (call $count)
  (if (i32.eqz (local.tee $object (call $handle_find (local.get $array) (i32.const {kind.array}))))
    (then
      (call $warn (i32.const {fn.dataArrayNew}) (i32.const {why.not_array}) (local.get $array))
      (return (i32.const {error.dataArrayNew}))))
  (local.set $element
    (call $element_blank (i32.load offset={object.source} (local.get $object)) (i32.const {kind.data})))
  (if (i32.eqz (local.get $element))
    (then
      (call $warn (i32.const {fn.dataArrayNew}) (i32.const {why.memory}) (i32.const 0))
      (return (i32.const {error.dataArrayNew}))))
  (if (i32.eqz (local.tee $handle (call $handle_new (i32.const {kind.data}) (local.get $element))))
    (then
      (call $object_release (local.get $element))
      (call $warn (i32.const {fn.dataArrayNew}) (i32.const {why.table_full}) (i32.const 0))
      (return (i32.const {error.dataArrayNew}))))
  (local.get $handle))

(func $dataArrayAppend (export "dataArrayAppend") (type $dataArrayAppend) (param $array i32) (param $data i32) (result i32)
  (local $object i32) (local $element i32) (local $why i32) (local $detail i32)
  (local.set $detail (local.get $array))
  (call $count)
  (block $fail
    (local.set $why (i32.const {why.not_array}))
    (br_if $fail (i32.eqz (local.tee $object (call $handle_find (local.get $array) (i32.const {kind.array})))))
    (local.set $detail (local.get $data))
    (local.set $why (i32.const {why.not_new_data}))
    (@if {quirk.append-single-packet} (then
      (if (call $handle_find (local.get $data) (i32.const {kind.single}))
        (then (call $complain (i32.const {fn.dataArrayAppend}) (i32.const {why.single_data}) (local.get $data))))))
    (br_if $fail (i32.eqz (local.tee $element (call $handle_find (local.get $data) (i32.const {kind.data})))))
    (@if {quirk.append-foreign-data} (then) (else
      (local.set $why (i32.const {why.foreign_data}))
      (br_if $fail
        (i32.ne (i32.load offset={object.source} (local.get $object))
          (i32.load offset={object.source} (local.get $element))))))
    (local.set $why (i32.const {why.memory}))
    (br_if $fail (i32.eqz (call $element_own (local.get $element))))
    (if (i32.eqz (call $array_push (local.get $object) (call $object_retain (local.get $element))))
      (then
        (call $object_release (local.get $element))
        (br $fail)))
    (@if {change.append-drops-handle} (then (drop (call $handle_release (local.get $data)))))
    (return (i32.const 0)))
  (call $warn (i32.const {fn.dataArrayAppend}) (local.get $why) (local.get $detail))
  (i32.const {error.dataArrayAppend}))

;; Drops the handle of an element that is not wanted; the array is unchanged. In older releases nothing happens.
(func $dataArrayRelease (export "dataArrayRelease") (type $dataArrayRelease) (param $array i32) (param $data i32) (result i32)
  (local $why i32) (local $detail i32)
  (local.set $detail (local.get $array))
  (call $count)
  (block $fail
    (local.set $why (i32.const {why.not_array}))
    (br_if $fail (i32.eqz (call $handle_find (local.get $array) (i32.const {kind.array}))))
    (local.set $detail (local.get $data))
    (local.set $why (i32.const {why.not_data}))
    (br_if $fail (i32.eqz (call $handle_find (local.get $data) (i32.const {kinds.data}))))
    (@if {change.array-release-drops-handle} (then (drop (call $handle_release (local.get $data)))))
    (return (i32.const 0)))
  (call $warn (i32.const {fn.dataArrayRelease}) (local.get $why) (local.get $detail))
  (i32.const {error.dataArrayRelease}))

(func $dataArrayLen (export "dataArrayLen") (type $dataArrayLen) (param $array i32) (result i32)
  (local $object i32)
  (call $count)
  (if (i32.eqz (local.tee $object (call $handle_find (local.get $array) (i32.const {kind.array}))))
    (then
      (call $warn (i32.const {fn.dataArrayLen}) (i32.const {why.not_array}) (local.get $array))
      (return (i32.const {error.dataArrayLen}))))
  (i32.load offset={object.count} (local.get $object)))

;; The handle of an element is computed, see data_find; it carries 15 bits of index. In older releases every call takes
;; a place in the table, and the element outlives the array and the batch.
(func $dataArrayGet (export "dataArrayGet") (type $dataArrayGet) (param $array i32) (param $index i32) (result i32)
  (local $object i32) (local $why i32) (local $detail i32)
  (@if {change.element-handles} (then) (else (local $element i32) (local $handle i32)))
  (call $count)
  (local.set $detail (local.get $array))
  (block $fail
    (local.set $why (i32.const {why.not_array}))
    (br_if $fail (i32.eqz (local.tee $object (call $handle_find (local.get $array) (i32.const {kind.array})))))
    (local.set $detail (local.get $index))
    (local.set $why (i32.const {why.no_element})) ;; a negative index is a large unsigned one
    (br_if $fail (i32.ge_u (local.get $index) (i32.load offset={object.count} (local.get $object))))
    (@if {change.element-handles} (then
      (local.set $why (i32.const {why.index}))
      (br_if $fail (i32.gt_u (local.get $index) (i32.const {limits.array_index})))
      (return
        (i32.or (i32.const {element_handle.ELEMENT})
          (i32.or (i32.shl (local.get $index) (i32.const {element_handle.INDEX_SHIFT})) (local.get $array)))))
    (else
      (local.set $element (i32.load (call $array_item (local.get $object) (local.get $index))))
      (local.set $why (i32.const {why.memory}))
      (br_if $fail (i32.eqz (call $element_own (local.get $element))))
      (local.set $handle (call $handle_new (i32.const {kind.data}) (call $object_retain (local.get $element))))
      (if (local.get $handle) (then (return (local.get $handle))))
      (call $object_release (local.get $element))
      (local.set $why (i32.const {why.table_full})))))
  (call $warn (i32.const {fn.dataArrayGet}) (local.get $why) (local.get $detail))
  (i32.const {error.dataArrayGet}))
