//! What stops a step of a role at the centre: a stable code, Japanese, English, what to do; and the
//! detail of the case at hand. No secret and nothing of a person stands in it.

use std::error::Error;
use std::fmt;

/// A closed list of problems.
pub(crate) trait Texts: Copy + fmt::Debug {
    /// The stable code, the Japanese and the English text.
    fn texts(self) -> [&'static str; 3];
}

/// A problem with its detail: a key, a path of the centre's own, an address.
#[derive(Debug)]
pub(crate) struct Failure<P> {
    problem: P,
    detail: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl<P: Texts> Failure<P> {
    pub(crate) fn new(problem: P, detail: impl fmt::Display) -> Self {
        Self {
            problem,
            detail: detail.to_string(),
            source: None,
        }
    }

    pub(crate) fn because(
        problem: P,
        detail: impl fmt::Display,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            problem,
            detail: detail.to_string(),
            source: Some(source.into()),
        }
    }

    pub(crate) const fn problem(&self) -> P {
        self.problem
    }
}

impl<P: Texts> fmt::Display for Failure<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [code, ja, en] = self.problem.texts();
        write!(f, "{code} {ja}\n{code} {en}\n{}", self.detail)
    }
}

impl<P: Texts> Error for Failure<P> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Makes the list `Problem` of a role, each with its code and its texts, and the test that holds
/// for every list.
macro_rules! problems {
    ($($variant:ident = $code:literal, $ja:literal, $en:literal;)*) => {
        /// What stops a step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Problem {
            $(#[doc = $en] $variant,)*
        }

        impl crate::problem::Texts for Problem {
            fn texts(self) -> [&'static str; 3] {
                match self { $(Self::$variant => [$code, $ja, $en],)* }
            }
        }

        #[cfg(test)]
        mod texts {
            #[test]
            fn every_problem_has_its_own_code_and_says_what_to_do() {
                let all = [$(($code, $ja, $en)),*];
                let codes: std::collections::BTreeSet<_> = all.iter().map(|it| it.0).collect();
                assert_eq!(codes.len(), all.len());
                for (code, ja, en) in all {
                    let says = ja.matches('。').count() >= 2 && en.ends_with('.') && en.is_ascii();
                    assert!(says, "{code}");
                }
            }
        }
    };
}
pub(crate) use problems;
