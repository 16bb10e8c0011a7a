//! The first bytes of a registered stick, before the kernel is handed its file system: what
//! contradicts itself or the size of the stick goes no further.

use crate::Word;
use crate::list::FileSystem;

/// Bytes from the beginning of the volume that are looked at.
pub const HEAD_BYTES: usize = 2_048;

/// Where the superblock of ext4 stands.
const EXT4: usize = 1_024;
/// The journal holds what was not written to its place: taking it in would write to the stick.
const EXT4_RECOVER: u32 = 4;

/// Whether a volume of `size` bytes that begins with `head` may be handed to the kernel as a file
/// system of that kind.
///
/// # Errors
/// It is of another kind, or contradicts itself.
pub fn check(kind: FileSystem, head: &[u8], size: u64) -> Result<(), Word> {
    let sound = match kind {
        FileSystem::Vfat => vfat(head, size),
        FileSystem::Exfat => exfat(head, size),
        FileSystem::Ext4 => ext4(head, size),
    };
    sound
        .filter(|sound| *sound)
        .map(|_| ())
        .ok_or(Word::FileSystem)
}

fn vfat(head: &[u8], size: u64) -> Option<bool> {
    let sector = u64::from(word(head, 11)?);
    let cluster = *head.get(13)?;
    let reserved = u64::from(word(head, 14)?);
    let tables = u64::from(*head.get(16)?);
    let sectors = match word(head, 19)? {
        0 => u64::from(double(head, 32)?),
        small => u64::from(small),
    };
    let table = match word(head, 22)? {
        0 => u64::from(double(head, 36)?),
        small => u64::from(small),
    };
    let marked = head.get(510..512)? == [0x55, 0xaa];
    let named = head.get(54..57)? == *b"FAT" || head.get(82..85)? == *b"FAT";
    let shape = [512, 1_024, 2_048, 4_096].contains(&sector)
        && cluster.is_power_of_two()
        && reserved >= 1
        && (1..=2).contains(&tables)
        && table >= 1;
    let fits = sectors >= 1
        && sectors.checked_mul(sector)? <= size
        && table.checked_mul(tables)?.checked_add(reserved)? < sectors;
    Some(marked && named && shape && fits)
}

fn exfat(head: &[u8], size: u64) -> Option<bool> {
    let length = u64::from_le_bytes(head.get(72..80)?.try_into().ok()?);
    let (sector, cluster) = (u32::from(*head.get(108)?), u32::from(*head.get(109)?));
    let marked = head.get(3..11)? == *b"EXFAT   " && head.get(510..512)? == [0x55, 0xaa];
    // What an older system would take for a FAT has to be empty.
    let empty = head.get(11..64)?.iter().all(|byte| *byte == 0);
    let shape = (9..=12).contains(&sector) && sector + cluster <= 25;
    Some(marked && empty && shape && length >= 1 && length.checked_mul(1 << sector)? <= size)
}

fn ext4(head: &[u8], size: u64) -> Option<bool> {
    let blocks = u64::from(double(head, EXT4 + 4)?);
    let shift = double(head, EXT4 + 24)?;
    let marked = word(head, EXT4 + 56)? == 0xef53;
    let clean = double(head, EXT4 + 96)? & EXT4_RECOVER == 0;
    Some(
        marked && clean && shift <= 2 && blocks >= 1 && blocks.checked_mul(1_024 << shift)? <= size,
    )
}

fn word(head: &[u8], at: usize) -> Option<u16> {
    let bytes = head.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn double(head: &[u8], at: usize) -> Option<u32> {
    let bytes = head.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [FileSystem; 3] = [FileSystem::Vfat, FileSystem::Exfat, FileSystem::Ext4];

    /// A FAT16 of 4 MiB, as mkfs.vfat makes it.
    fn fat() -> Vec<u8> {
        let mut head = vec![0; HEAD_BYTES];
        head[11..13].copy_from_slice(&512_u16.to_le_bytes());
        head[13..17].copy_from_slice(&[4, 4, 0, 2]);
        head[19..21].copy_from_slice(&8_192_u16.to_le_bytes());
        head[22..24].copy_from_slice(&8_u16.to_le_bytes());
        head[54..59].copy_from_slice(b"FAT16");
        head[510..512].copy_from_slice(&[0x55, 0xaa]);
        head
    }

    #[test]
    fn a_volume_is_taken_as_what_it_was_registered_and_nothing_else() {
        let size = 4 << 20;
        assert_eq!(check(FileSystem::Vfat, &fat(), size), Ok(()));
        for kind in [FileSystem::Exfat, FileSystem::Ext4] {
            assert_eq!(check(kind, &fat(), size), Err(Word::FileSystem));
        }
        assert!(
            check(FileSystem::Vfat, &fat(), size - 1).is_err(),
            "longer than the stick"
        );
        assert!(check(FileSystem::Vfat, &fat()[..511], size).is_err());
    }

    #[test]
    fn a_volume_that_contradicts_itself_is_refused() {
        for (at, value) in [
            (11, 1),
            (13, 3),
            (13, 0),
            (14, 0),
            (16, 0),
            (16, 9),
            (54, 0),
            (510, 0),
        ] {
            let mut head = fat();
            head[at] = value;
            assert!(
                check(FileSystem::Vfat, &head, 4 << 20).is_err(),
                "{at} {value}"
            );
        }
    }

    #[test]
    fn a_journal_that_would_have_to_be_taken_in_is_refused() {
        let mut head = vec![0; HEAD_BYTES];
        head[EXT4 + 4..EXT4 + 8].copy_from_slice(&4_096_u32.to_le_bytes());
        head[EXT4 + 56..EXT4 + 58].copy_from_slice(&[0x53, 0xef]);
        assert_eq!(check(FileSystem::Ext4, &head, 4 << 20), Ok(()));
        head[EXT4 + 96] = 4;
        assert_eq!(
            check(FileSystem::Ext4, &head, 4 << 20),
            Err(Word::FileSystem)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(head: Vec<u8>, size: u64) {
            for kind in KINDS {
                let _ = check(kind, &head, size);
            }
        }

        #[test]
        fn a_volume_with_any_byte_changed_is_judged(at in 0..HEAD_BYTES, value: u8, size: u64) {
            let mut head = fat();
            head[at] = value;
            for kind in KINDS {
                let _ = check(kind, &head, size);
            }
        }
    }
}
