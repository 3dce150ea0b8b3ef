;; Sources, their slots, the fields that point into them, and who subscribed.
;;
;;   source:  [type][slots][slot table][capacity of the table][chain]
;;   slot table, one entry per slot and one beyond the last:
;;            [width: bytes in a row, 0 for a length][offset in the fixed part of a row][blank: bytes when new][-]
;;   field:   [source][slot][offset][size][kind][flags]
;;   chain:   [references][count][subscription ...]                   sorted by priority; replaced, never changed
;;   subscription:  [kind][priority][target][handle][callback: u64][started: made between gadgetPreStart and gadgetStop]
;;
;; Sources and fields live as long as the plane. A delivery holds the chain it started with, so that a subscription
;; made inside a callback takes effect with the next packet.

(func $source_new (export "source_new") (param $type i32) (result i32)
  (local $source i32) (local $table i32)
  (local.set $source (call $heap_new (i32.const {source.SIZE})))
  (local.set $table (call $heap_new (i32.shl (i32.const 16) (i32.const {entry.SHIFT}))))
  (if (i32.eqz (i32.and (i32.ne (local.get $source) (i32.const 0)) (i32.ne (local.get $table) (i32.const 0))))
    (then (return (i32.const 0))))
  (i32.store offset={entry.offset} (local.get $table) (i32.const 0))
  (i32.store offset={source.type} (local.get $source) (local.get $type))
  (i32.store offset={source.slots} (local.get $source) (i32.const 0))
  (i32.store offset={source.table} (local.get $source) (local.get $table))
  (i32.store offset={source.capacity} (local.get $source) (i32.const 16))
  (i32.store offset={source.chain} (local.get $source) (i32.const 0))
  (local.get $source))

;; Another slot; 1, or 0 without memory.
(func $source_add_slot (export "source_add_slot")
  (param $source i32) (param $width i32) (param $blank i32) (result i32)
  (local $slot i32) (local $entry i32)
  (local.set $slot (i32.load offset={source.slots} (local.get $source)))
  (if (i32.ge_u (i32.add (local.get $slot) (i32.const 1)) (i32.load offset={source.capacity} (local.get $source)))
    (then
      (if (i32.eqz (call $source_widen (local.get $source)))
        (then (return (i32.const 0))))))
  (local.set $entry
    (i32.add (i32.load offset={source.table} (local.get $source))
      (i32.shl (local.get $slot) (i32.const {entry.SHIFT}))))
  (i32.store offset={entry.width} (local.get $entry) (local.get $width))
  (i32.store offset={entry.blank} (local.get $entry) (local.get $blank))
  (i32.store offset={entry.NEXT_OFFSET} (local.get $entry)
    (i32.add (i32.load offset={entry.offset} (local.get $entry))
      (select (local.get $width) (i32.const 4) (local.get $width))))
  (i32.store offset={source.slots} (local.get $source) (i32.add (local.get $slot) (i32.const 1)))
  (i32.const 1))

;; Doubles the slot table.
(func $source_widen (param $source i32) (result i32)
  (local $old i32) (local $new i32) (local $bytes i32)
  (local.set $bytes
    (i32.shl (i32.load offset={source.capacity} (local.get $source)) (i32.const {entry.SHIFT})))
  (local.set $new (call $heap_new (i32.shl (local.get $bytes) (i32.const 1))))
  (if (i32.eqz (local.get $new))
    (then (return (i32.const 0))))
  (local.set $old (i32.load offset={source.table} (local.get $source)))
  (memory.copy (local.get $new) (local.get $old) (local.get $bytes))
  (i32.store offset={source.table} (local.get $source) (local.get $new))
  (i32.store offset={source.capacity} (local.get $source)
    (i32.shl (i32.load offset={source.capacity} (local.get $source)) (i32.const 1)))
  (call $heap_free (local.get $old) (local.get $bytes))
  (i32.const 1))

(func $field_new (export "field_new")
  (param $source i32) (param $slot i32) (param $offset i32) (param $size i32) (param $kind i32) (param $flags i32)
  (result i32)
  (local $field i32)
  (if (local.tee $field (call $heap_new (i32.const {field.SIZE})))
    (then
      (i32.store offset={field.source} (local.get $field) (local.get $source))
      (i32.store offset={field.slot} (local.get $field) (local.get $slot))
      (i32.store offset={field.offset} (local.get $field) (local.get $offset))
      (i32.store offset={field.size} (local.get $field) (local.get $size))
      (i32.store offset={field.kind} (local.get $field) (local.get $kind))
      (i32.store offset={field.flags} (local.get $field) (local.get $flags))))
  (local.get $field))

;; Adds a subscription behind those of the same priority; 0 without memory.
(func $subscribe (export "subscribe")
  (param $source i32) (param $kind i32) (param $priority i32) (param $target i32) (param $handle i32)
  (param $callback i64) (result i32)
  (local $old i32) (local $new i32) (local $count i32) (local $at i32) (local $from i32)
  (if (local.tee $old (i32.load offset={source.chain} (local.get $source)))
    (then (local.set $count (i32.load offset={chain.count} (local.get $old)))))
  (local.set $new (call $chain_new (i32.add (local.get $count) (i32.const 1))))
  (if (i32.eqz (local.get $new))
    (then (return (i32.const 0))))
  (local.set $from (i32.add (local.get $old) (i32.const {chain.SIZE})))
  (block $found
    (loop $next
      (br_if $found (i32.ge_u (local.get $at) (local.get $count)))
      (br_if $found
        (i32.gt_s
          (i32.load offset={subscription.priority}
            (i32.add (local.get $from) (i32.shl (local.get $at) (i32.const {subscription.SHIFT}))))
          (local.get $priority)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
  (call $chain_copy (local.get $new) (i32.const 0) (local.get $old) (i32.const 0) (local.get $at))
  (call $chain_copy (local.get $new) (i32.add (local.get $at) (i32.const 1))
    (local.get $old) (local.get $at) (i32.sub (local.get $count) (local.get $at)))
  (local.set $from (call $chain_entry (local.get $new) (local.get $at)))
  (i32.store offset={subscription.kind} (local.get $from) (local.get $kind))
  (i32.store offset={subscription.priority} (local.get $from) (local.get $priority))
  (i32.store offset={subscription.target} (local.get $from) (local.get $target))
  (i32.store offset={subscription.handle} (local.get $from) (local.get $handle))
  (i64.store offset={subscription.callback} (local.get $from) (local.get $callback))
  (i32.store offset={subscription.started} (local.get $from) (i32.load (i32.const {control.started})))
  (i32.store offset={source.chain} (local.get $source) (local.get $new))
  (call $chain_release (local.get $old))
  (i32.const 1))

(func $chain_bytes (@inline) (param $count i32) (result i32)
  (i32.add (i32.const {chain.SIZE}) (i32.shl (local.get $count) (i32.const {subscription.SHIFT}))))

(func $chain_entry (@inline) (param $chain i32) (param $index i32) (result i32)
  (i32.add (local.get $chain) (call $chain_bytes (local.get $index))))

(func $chain_new (param $count i32) (result i32)
  (local $chain i32)
  (if (local.tee $chain (call $heap_new (call $chain_bytes (local.get $count))))
    (then
      (i32.store offset={chain.references} (local.get $chain) (i32.const 1))
      (i32.store offset={chain.count} (local.get $chain) (local.get $count))))
  (local.get $chain))

(func $chain_copy (param $to i32) (param $to_index i32) (param $from i32) (param $from_index i32) (param $count i32)
  (memory.copy
    (call $chain_entry (local.get $to) (local.get $to_index))
    (call $chain_entry (local.get $from) (local.get $from_index))
    (i32.shl (local.get $count) (i32.const {subscription.SHIFT}))))

;; The source's chain with a reference of the caller's own; 0 when nobody subscribed.
(func $chain_of (param $source i32) (result i32)
  (local $chain i32)
  (if (local.tee $chain (i32.load offset={source.chain} (local.get $source)))
    (then
      (i32.store offset={chain.references} (local.get $chain)
        (i32.add (i32.load offset={chain.references} (local.get $chain)) (i32.const 1)))))
  (local.get $chain))

(func $chain_release (param $chain i32)
  (local $left i32)
  (if (i32.eqz (local.get $chain)) (then (return)))
  (local.set $left (i32.sub (i32.load offset={chain.references} (local.get $chain)) (i32.const 1)))
  (i32.store offset={chain.references} (local.get $chain) (local.get $left))
  (if (i32.eqz (local.get $left))
    (then
      (call $heap_free (local.get $chain)
        (call $chain_bytes (i32.load offset={chain.count} (local.get $chain)))))))
