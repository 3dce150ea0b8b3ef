;; The quirk bytes-alias-memory: upstream keeps bytes that a guest sets as a slice of the guest's memory. Here the slot
;; has a copy and remembers where it came from; whoever looks at the slot copies again, whoever writes in place writes
;; there, too. When the guest's memory has grown since, upstream's slice is one of the old memory: the copy stays as it
;; was when it was last looked at.
;;
;;   slot:  ... [guest: address of the bytes][pages: the guest's memory then, 0 for a slot that is no view]

(@if {quirk.bytes-alias-memory} (then
  (func $slot_alias (param $slot i32) (param $address i32)
    (i32.store offset={slot.guest} (local.get $slot) (local.get $address))
    (i32.store offset={slot.pages} (local.get $slot) (memory.size $guest)))

  (func $slot_look (param $slot i32)
    (if (call $slot_is_view (local.get $slot))
      (then
        (memory.copy $plane $guest (i32.load offset={slot.pointer} (local.get $slot))
          (i32.load offset={slot.guest} (local.get $slot)) (i32.load offset={slot.length} (local.get $slot))))))

  (func $slot_show (param $slot i32)
    (if (call $slot_is_view (local.get $slot))
      (then
        (memory.copy $guest $plane (i32.load offset={slot.guest} (local.get $slot))
          (i32.load offset={slot.pointer} (local.get $slot)) (i32.load offset={slot.length} (local.get $slot))))))

  (func $slot_is_view (@inline) (param $slot i32) (result i32)
    (local $pages i32)
    (if (i32.eqz (local.tee $pages (i32.load offset={slot.pages} (local.get $slot))))
      (then (return (i32.const 0))))
    (if (i32.eq (local.get $pages) (memory.size $guest)) (then (return (i32.const 1))))
    (i32.store offset={slot.pages} (local.get $slot) (i32.const 0))
    (i32.const 0))))
