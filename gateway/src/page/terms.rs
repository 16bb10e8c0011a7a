//! What the words of the gate are called on pages.

use privacy::gate::{Channel, Ground, Requester, Verification};

use super::texts::{T, Text};

/// What a requester is called.
pub(super) fn requester_text(requester: Requester) -> Text {
    match requester {
        Requester::Own => T.requester_own,
        Requester::Family => T.requester_family,
        Requester::Bereaved => T.requester_bereaved,
        Requester::Representative => T.requester_representative,
        Requester::Guardian => T.requester_guardian,
    }
}

/// What the checking of a requester is called.
pub(super) fn verification_text(verification: Verification) -> Text {
    match verification {
        Verification::Unverified => T.verification_unverified,
        Verification::Document => T.verification_document,
        Verification::Known => T.verification_known,
    }
}

/// What a way of a request is called.
pub(super) fn channel_text(channel: Channel) -> Text {
    match channel {
        Channel::Desk => T.channel_desk,
        Channel::Paper => T.channel_paper,
        Channel::Phone => T.channel_phone,
        Channel::Centre => T.channel_centre,
        Channel::Import => T.channel_import,
    }
}

/// What a ground to take something back is called.
pub(super) fn ground_text(ground: Ground) -> Text {
    match ground {
        Ground::Mistake => T.ground_mistake,
        Ground::Wish => T.ground_wish,
        Ground::OtherPerson => T.ground_other_person,
    }
}
