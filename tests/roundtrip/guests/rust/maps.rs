// Set 3: maps.
use super::{abi, answer, packed, packed_mut, tell, text};

fn look_up(what: &str, map: u32, key: u32) {
    let mut value = [0; 8];
    let into = packed_mut(&mut value);
    match unsafe { abi::mapLookup(map, packed(&key.to_le_bytes()), into) } {
        0 => tell(what, u64::from_le_bytes(value)),
        _ => answer(what, false),
    }
}

fn update(map: u32, key: u32, value: u64, flags: u64) -> bool {
    let (key, value) = (key.to_le_bytes(), value.to_le_bytes());
    unsafe { abi::mapUpdate(map, packed(&key), packed(&value), flags) == 0 }
}

fn delete(map: u32, key: u32) -> bool {
    unsafe { abi::mapDelete(map, packed(&key.to_le_bytes())) == 0 }
}

pub fn run() {
    const HASH: u32 = 1;
    const ANY: u64 = 0;
    const NO_EXIST: u64 = 1;
    const EXIST: u64 = 2;
    let numbers = unsafe { abi::getMap(text("numbers")) };
    look_up("value 1", numbers, 1);
    answer("update 2", update(numbers, 2, 22, ANY));
    answer("create 2", update(numbers, 2, 23, NO_EXIST));
    answer("replace 9", update(numbers, 9, 9, EXIST));
    answer("delete 1", delete(numbers, 1));
    answer("delete 1", delete(numbers, 1));
    look_up("value 1", numbers, 1);
    answer("missing map", unsafe { abi::getMap(text("nothing")) } != 0);
    let made = unsafe { abi::newMap(text("made"), HASH, 4, 8, 4) };
    assert!(update(made, 3, 33, ANY));
    look_up("made 3", made, 3);
    answer("map released", unsafe { abi::mapRelease(made) } == 0);
}
