//! Batches with tokens of one epoch and of two.

use super::*;

fn two_epochs() -> Sealed {
    let Keys { site, core } = keys();
    let both = subjects_of(&[SHAPE.to_vec(), vec![1]], 1, Some(2));
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    seal(draft(), both, core.public(), site, &mut rng).unwrap()
}

/// B-116.
#[test]
fn while_the_key_changes_each_subject_has_the_tokens_of_both_epochs() {
    let opened = opened(&two_epochs().bytes).unwrap();
    let manifest = &opened.manifest;
    assert_eq!((manifest.token_epoch, manifest.next_epoch), (1, Some(2)));
    for subject in &opened.subjects {
        let next = subject.next.as_ref().unwrap();
        assert_eq!((subject.tokens.epoch, next.epoch), (1, 2));
    }
}

#[test]
fn a_batch_that_misstates_its_next_epoch_is_refused() {
    for change in [None, Some(3)] {
        let bytes = restated(&two_epochs(), |manifest| manifest.next_epoch = change);
        assert_eq!(opened(&bytes), Err(OpenError::TokensMismatch));
    }
    let bytes = restated(&small(), |manifest| manifest.next_epoch = Some(2));
    assert_eq!(opened(&bytes), Err(OpenError::TokensMismatch));
}

#[test]
fn subjects_of_one_and_of_two_epochs_are_not_sealed_together() {
    let Keys { site, core } = keys();
    let mut mixed = subjects(&[vec![1]], 1);
    mixed.extend(subjects_of(&[vec![1]], 1, Some(2)));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let sealed = seal(draft(), mixed, core.public(), site, &mut rng);
    assert!(matches!(sealed, Err(SealError::MixedTokens)));
}

/// A next epoch is a later one: the core keeps the tokens of the latest.
#[test]
fn a_next_epoch_that_is_not_later_is_not_sealed() {
    for next in [0, 1] {
        let item = Item::new(subjects_of(&[vec![1]], 1, Some(next)).remove(0));
        assert!(matches!(item, Err(SealError::MixedTokens)), "{next}");
    }
}
