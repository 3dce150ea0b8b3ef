// What the host hands over goes where the guest says.
use super::{abi, packed_mut};

pub fn all_freed() -> bool {
    true
}

#[cfg(not(set6))]
pub fn scalar(field: u32, data: u32, kind: usize) -> u64 {
    unsafe { abi::fieldGetScalar(field, data, kind as u32) }
}

#[cfg(set6)]
pub fn scalar(field: u32, data: u32, kind: usize) -> u64 {
    super::checked(field, data, kind).expect("a scalar of the field's width")
}

/// Buffers from small to large, and once more one that is exactly full.
pub fn bytes(field: u32, data: u32, kind: usize) -> Vec<u8> {
    for capacity in [64, 4096, 2 << 20] {
        let mut buffer = vec![0; capacity];
        let into = packed_mut(&mut buffer);
        let length = unsafe { abi::fieldGetBuffer(field, data, kind as u32, into) } as i32;
        if length >= 0 {
            let full = packed_mut(&mut buffer[..length as usize]);
            assert_eq!(length, unsafe { abi::fieldGetBuffer(field, data, kind as u32, full) } as i32);
            buffer.truncate(length as usize);
            return buffer;
        }
    }
    panic!("no buffer is large enough");
}

pub fn param(key: &str) -> Option<String> {
    let mut buffer = [0; 4096];
    let into = packed_mut(&mut buffer);
    (unsafe { abi::getParamValue(super::text(key), into) } == 0).then(|| super::cut(&buffer))
}

pub fn syscall_name(number: u32) -> String {
    let mut buffer = [0; 64];
    let into = packed_mut(&mut buffer);
    assert_eq!(0, unsafe { abi::getSyscallName(number, into) });
    super::cut(&buffer)
}

pub fn record(reader: u32) -> Result<Vec<u8>, u32> {
    let mut sample = vec![0; 12];
    let into = packed_mut(&mut sample);
    match unsafe { abi::perfReaderRead(reader, into) } {
        0 => Ok(sample),
        error => Err(error),
    }
}
