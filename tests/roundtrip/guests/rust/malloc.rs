// What the host hands over is in memory it asked for.
use super::abi;
use std::cell::Cell;

thread_local! {
    static BLOCKS: Cell<u32> = const { Cell::new(0) };
}

#[no_mangle]
extern "C" fn malloc(size: u32) -> *mut u8 {
    BLOCKS.set(BLOCKS.get() + 1);
    Box::into_raw(vec![0u8; size.max(1) as usize].into_boxed_slice()).cast()
}

/// Frees a block, and gives its bytes.
pub fn take(value: u64) -> Vec<u8> {
    if value == 0 {
        return Vec::new();
    }
    let length = (value >> 32) as usize;
    BLOCKS.set(BLOCKS.get() - 1);
    let block = std::ptr::slice_from_raw_parts_mut(value as u32 as usize as *mut u8, length.max(1));
    let mut bytes = unsafe { Box::from_raw(block) }.into_vec();
    bytes.truncate(length);
    bytes
}

pub fn all_freed() -> bool {
    BLOCKS.get() == 0
}

pub fn scalar(field: u32, data: u32, kind: usize) -> u64 {
    unsafe { abi::fieldGet(field, data, kind as u32) }
}

pub fn bytes(field: u32, data: u32, kind: usize) -> Vec<u8> {
    take(unsafe { abi::fieldGet(field, data, kind as u32) })
}

#[cfg(set2)]
pub fn param(key: &str) -> Option<String> {
    let value = unsafe { abi::getParamValue(super::text(key)) };
    (value != 0).then(|| String::from_utf8(take(value)).unwrap())
}

#[cfg(set4)]
pub fn syscall_name(number: u32) -> String {
    String::from_utf8(take(unsafe { abi::getSyscallName(number) })).unwrap()
}

#[cfg(set4)]
pub fn record(reader: u32) -> Result<Vec<u8>, u32> {
    let mut sample = 0u64;
    match unsafe { abi::perfReaderRead(reader, &raw mut sample as usize as u32) } {
        0 => Ok(take(unsafe { std::ptr::read_volatile(&sample) })),
        error => Err(error),
    }
}
