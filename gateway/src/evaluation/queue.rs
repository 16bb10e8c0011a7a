//! Who waits for the evaluation service, and whom the next question is about.

use std::collections::BTreeMap;

use envelope::EVALUATIONS_MAX;
use privacy::tokens::{Asked, Evaluated};

use super::Waits;

/// Persons by the order in which they came.
#[derive(Default)]
pub(super) struct Queue {
    next: u64,
    waiting: BTreeMap<u64, Asked>,
    answered: BTreeMap<u64, Result<Evaluated, Waits>>,
}

/// What somebody who has the line does.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing: somebody else has asked.
    Answered(Result<Evaluated, Waits>),
    /// Asks about these, of one epoch and at most one question.
    Ask(Vec<u64>, Vec<Asked>),
}

impl Queue {
    /// Puts a person at the end.
    pub(super) fn enter(&mut self, asked: Asked) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, asked);
        ticket
    }

    /// The answer about a person; or, without one, the person together with others who wait.
    pub(super) fn turn(&mut self, ticket: u64) -> Turn {
        if let Some(answer) = self.answered.remove(&ticket) {
            return Turn::Answered(answer);
        }
        let Some(own) = self.waiting.remove(&ticket) else {
            return Turn::Answered(Err(Waits));
        };
        let (epoch, mut points) = (own.epoch(), own.messages().len());
        let (mut tickets, mut persons) = (vec![ticket], vec![own]);
        let fits = |_: &u64, other: &mut Asked| {
            let with = points + other.messages().len();
            let fits = other.epoch() == epoch && with <= EVALUATIONS_MAX;
            if fits {
                points = with;
            }
            fits
        };
        for (ticket, person) in self.waiting.extract_if(.., fits) {
            tickets.push(ticket);
            persons.push(person);
        }
        Turn::Ask(tickets, persons)
    }

    /// Takes the answers to a question, in the order of its tickets.
    pub(super) fn answer(&mut self, tickets: Vec<u64>, answers: Result<Vec<Evaluated>, Waits>) {
        match answers {
            Ok(answers) => {
                let answers = answers.into_iter().map(Ok);
                self.answered.extend(tickets.into_iter().zip(answers));
            }
            Err(Waits) => {
                let waits = tickets.into_iter().map(|ticket| (ticket, Err(Waits)));
                self.answered.extend(waits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use record::Identity;
    use record::identity::{Birth, Name, Sensitive, Sex};

    use super::*;

    fn asked(epoch: u16) -> Asked {
        let name = Name {
            family: Sensitive::new("ヤマダ"),
            given: Sensitive::new("タロウ"),
        };
        let identity = Identity {
            kana: Some(name),
            birth: Some(Birth::new(date(1950, 1, 2))),
            sex: Some(Sex::Male),
            ..Identity::default()
        };
        let asked = Asked::of(&identity, epoch);
        assert!(!asked.messages().is_empty());
        asked
    }

    #[test]
    fn whoever_has_the_line_asks_for_all_who_wait_for_the_same_epoch() {
        let mut queue = Queue::default();
        let [first, second, other, third] = [1, 1, 2, 1].map(|epoch| queue.enter(asked(epoch)));
        let Turn::Ask(tickets, persons) = queue.turn(second) else {
            panic!("nobody has asked yet")
        };
        assert_eq!(tickets, [second, first, third]);
        assert_eq!(persons.len(), 3);
        let answers = persons.iter().map(|_| Evaluated::default()).collect();
        queue.answer(tickets, Ok(answers));
        for ticket in [first, second, third] {
            assert!(matches!(queue.turn(ticket), Turn::Answered(Ok(_))));
        }
        let Turn::Ask(tickets, _) = queue.turn(other) else {
            panic!("of another epoch")
        };
        queue.answer(tickets, Err(Waits));
        assert!(matches!(queue.turn(other), Turn::Answered(Err(Waits))));
        assert!(queue.waiting.is_empty() && queue.answered.is_empty());
    }

    #[test]
    fn a_question_has_no_more_points_than_the_service_takes() {
        let mut queue = Queue::default();
        let points = asked(1).messages().len();
        let all = 3 * EVALUATIONS_MAX / points;
        let tickets: Vec<_> = (0..all).map(|_| queue.enter(asked(1))).collect();
        let mut questions = 0;
        for ticket in tickets {
            if let Turn::Ask(tickets, persons) = queue.turn(ticket) {
                assert!(persons.len() * points <= EVALUATIONS_MAX);
                assert!(persons.len() > 1 || queue.waiting.is_empty());
                let answers = persons.iter().map(|_| Evaluated::default()).collect();
                queue.answer(tickets, Ok(answers));
                assert!(matches!(queue.turn(ticket), Turn::Answered(Ok(_))));
                questions += 1;
            }
        }
        assert!((3..=4).contains(&questions), "{questions}");
    }
}
