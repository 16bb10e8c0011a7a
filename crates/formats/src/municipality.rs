//! Which of a patient's numbers is the one that the municipality gives its residents (宛名番号).

use text::fold;

use crate::hl7::Repetition;

/// Who gives the numbers of residents, as messages name it beside such a number: the assigning
/// authority (CX-4), by its name or by its universal id.
///
/// No table of authorities is agreed on, so a site has to say which word its system writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Municipality(String);

impl Municipality {
    /// Takes the name of an authority; `None` when nothing can be compared with it.
    pub fn new(authority: &str) -> Option<Self> {
        let name = fold::signs(authority).trim().to_owned();
        (!name.is_empty()).then_some(Self(name))
    }

    /// The name as it is compared.
    pub fn authority(&self) -> &str {
        &self.0
    }

    /// Whether a number (CX) is of this authority.
    pub(crate) fn gave(&self, number: Repetition<'_>) -> bool {
        let authority = number.component(4);
        let [name, id] = [1, 2].map(|part| authority.subcomponent(part).text());
        [name, id]
            .iter()
            .any(|said| fold::signs(said).trim() == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_of_blanks_is_none() {
        for (said, kept) in [
            ("", None),
            ("　 ", None),
            (" Ａ市 ", Some("A市")),
            ("1.2.3", Some("1.2.3")),
        ] {
            let kept = kept.map(|name| Municipality(name.to_owned()));
            assert_eq!(Municipality::new(said), kept, "{said:?}");
        }
    }
}
