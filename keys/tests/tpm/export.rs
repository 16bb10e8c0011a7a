//! `TPM2_Duplicate`, the one command that gives a key out of a TPM, sent to it directly.

use harness::tpm::Tpm;
use tpm::{Answer, WrappedKey};

use super::Board;

const SESSIONS: u16 = 0x8002;
const NO_SESSIONS: u16 = 0x8001;
const LOAD: u32 = 0x157;
const FLUSH_CONTEXT: u32 = 0x165;
const DUPLICATE: u32 = 0x14b;
const POLICY_COMMAND_CODE: u32 = 0x16c;
const START_AUTH_SESSION: u32 = 0x176;
const NOBODY: [u8; 4] = [0x40, 0, 0, 7];
/// The empty password.
const PASSWORD: [u8; 13] = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];

/// B-115: a key that is free to go goes; ours does not, whatever is tried.
#[test]
fn the_tpm_does_not_give_the_key_away() {
    let board = Board::new();
    let key = board.service.make().unwrap();
    let ask = |command: &[u8]| board.tpm.command(command).unwrap();
    let parent = ask(&tpm::create_primary());
    let handle = Answer::read(&parent).unwrap().handle().unwrap();
    let made = ask(&with_freedom(&tpm::create(handle)));
    assert_eq!(code(&made), 0);
    // Private part and public part, each with its length.
    let free = parts(made.get(14..).unwrap());
    let load = command(
        SESSIONS,
        LOAD,
        &[first_handle(&parent), PASSWORD.into(), free].concat(),
    );
    for (load, goes) in [(load, true), (tpm::load(handle, &key), false)] {
        let loaded = ask(&load);
        assert_eq!(code(&loaded), 0, "{goes}");
        let loaded = first_handle(&loaded);
        // Under the policy that duplication asks for, and under the password.
        let session = policy_session(&board.tpm);
        let under_policy = [&[0, 0, 0, 9][..], &session, &[0, 0, 1, 0, 0]].concat();
        for (authorization, goes) in [(under_policy, goes), (PASSWORD.into(), false)] {
            let no_wrapping = [0, 0, 0, 0x10];
            let body = [&loaded[..], &NOBODY, &authorization, &no_wrapping].concat();
            let answer = ask(&command(SESSIONS, DUPLICATE, &body));
            assert_eq!(code(&answer) == 0, goes, "0x{:03x}", code(&answer));
        }
        for used in [loaded, session] {
            ask(&command(NO_SESSIONS, FLUSH_CONTEXT, &used));
        }
    }
}

/// B-115: a key that could leave is none of ours, even under our name.
#[test]
fn a_key_that_could_leave_is_not_taken() {
    let board = Board::new();
    let key = board.service.make().unwrap();
    let kept = 0x0004_0472_u32.to_be_bytes();
    let der = key.to_der();
    let at = der.windows(4).position(|it| it == kept).unwrap();
    for freed in [0x02_u32, 0x10, 0x12, 0x20] {
        let mut changed = der.clone();
        changed[at..at + 4].copy_from_slice(&(0x0004_0472 & !freed).to_be_bytes());
        let read = WrappedKey::from_der(&changed);
        assert_eq!(read, Err(tpm::KeyError::Kind), "{freed}");
    }
}

fn code(answer: &[u8]) -> u32 {
    Answer::read(answer).unwrap().code()
}

fn first_handle(answer: &[u8]) -> Vec<u8> {
    answer[10..14].to_vec()
}

/// The first two sized fields.
fn parts(bytes: &[u8]) -> Vec<u8> {
    let length = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])) + 2;
    let second = length(0);
    bytes[..second + length(second)].to_vec()
}

fn command(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let head = [&tag.to_be_bytes()[..], &[0; 4], &code.to_be_bytes()].concat();
    sized([head.as_slice(), body].concat())
}

/// Writes the length into the head of a command.
fn sized(mut command: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(command.len()).unwrap().to_be_bytes();
    command[2..6].copy_from_slice(&length);
    command
}

/// The same `TPM2_Create`, of a key without `fixedTPM` and `fixedParent`, whose policy allows its
/// duplication.
fn with_freedom(create: &[u8]) -> Vec<u8> {
    let kept = 0x0004_0472_u32.to_be_bytes();
    let at = create.windows(4).position(|it| it == kept).unwrap();
    let free = (0x0004_0472_u32 & !0x12).to_be_bytes();
    // SHA-256 of an empty policy with `TPM2_PolicyCommandCode` (Part 3, section 23.11).
    let only_duplicate = [
        &[0; 32][..],
        &POLICY_COMMAND_CODE.to_be_bytes(),
        &DUPLICATE.to_be_bytes(),
    ];
    let policy = ring::digest::digest(&ring::digest::SHA256, &only_duplicate.concat());
    // After the attributes stands the policy, of no length before; before them two algorithms, and
    // before those the length of it all.
    let (before, after) = (&create[..at], &create[at + 6..]);
    let mut changed = [before, &free, &[0, 32], policy.as_ref(), after].concat();
    let length = u16::from_be_bytes([changed[at - 6], changed[at - 5]]) + 32;
    changed[at - 6..at - 4].copy_from_slice(&length.to_be_bytes());
    sized(changed)
}

fn policy_session(tpm: &Tpm) -> Vec<u8> {
    let nonce = [&[0, 16][..], &[5; 16]].concat();
    // No salt; a policy session; no symmetric algorithm; SHA-256.
    let body = [&NOBODY[..], &NOBODY, &nonce, &[0, 0, 1, 0, 0x10, 0, 0x0b]].concat();
    let started = tpm.command(&command(NO_SESSIONS, START_AUTH_SESSION, &body));
    let started = started.unwrap();
    assert_eq!(code(&started), 0);
    let session = first_handle(&started);
    let body = [&session[..], &DUPLICATE.to_be_bytes()].concat();
    let bound = tpm.command(&command(NO_SESSIONS, POLICY_COMMAND_CODE, &body));
    assert_eq!(code(&bound.unwrap()), 0);
    session
}
