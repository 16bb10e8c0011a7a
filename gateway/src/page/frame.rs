//! What stands around every page: the name of the institution, the pages that the account may see,
//! who is signed in.

use record::SiteId;

use super::account::Role;
use super::session::EMERGENCY_SECONDS;
use super::session::Session;
use super::texts::{Filled, T, Text, Texts};
use super::words::clock;

/// The frame of a page.
pub(crate) struct Frame {
    /// Every text.
    pub(crate) t: &'static Texts,
    /// Title of the page.
    pub(crate) title: Text,
    /// The institution's name; empty before somebody is signed in.
    pub(crate) place: String,
    /// Who is signed in; empty for nobody.
    pub(crate) person: String,
    /// What forms bring along.
    pub(crate) csrf: String,
    /// The institution as it stands in addresses.
    pub(crate) site: String,
    /// The pages of the account here.
    pub(crate) tabs: Vec<Tab>,
    /// Other institutions of the account.
    pub(crate) others: Vec<Other>,
    /// What stands above every page, with the class of its sign.
    pub(crate) signs: Vec<(&'static str, Filled)>,
}

/// One entry of the navigation.
pub(crate) struct Tab {
    /// Where it leads.
    pub(crate) href: String,
    /// What it is called.
    pub(crate) text: Text,
    /// Whether it is this page.
    pub(crate) here: bool,
}

/// Another institution of the account.
pub(crate) struct Other {
    /// Where it leads.
    pub(crate) href: String,
    /// Its name.
    pub(crate) name: String,
}

/// The pages, and who sees them.
const PAGES: [(&str, Text, &[Role]); 6] = [
    ("reception", T.tab_reception, &[Role::Reception]),
    ("visitors", T.tab_visitors, &[Role::Reception]),
    (
        "decisions",
        T.tab_decisions,
        &[Role::Reception, Role::Director],
    ),
    ("director", T.tab_director, &[Role::Director]),
    ("clinic", T.tab_clinic, &[Role::It]),
    ("log", T.tab_log, &[Role::It, Role::Director]),
];

impl Frame {
    /// The frame for people who are not signed in.
    pub(crate) fn outside(title: Text) -> Self {
        Self {
            t: &T,
            title,
            place: String::new(),
            person: String::new(),
            csrf: String::new(),
            site: String::new(),
            tabs: Vec::new(),
            others: Vec::new(),
            signs: Vec::new(),
        }
    }

    /// The frame of a page of an institution. `here` is the last part of its address.
    pub(crate) fn inside(
        title: Text,
        session: &Session,
        site: &SiteId,
        places: &[(SiteId, String)],
        here: &str,
    ) -> Self {
        let account = &session.account;
        let seen = PAGES
            .iter()
            .filter(|(_, _, roles)| account.may(site, roles));
        let mut tabs: Vec<Tab> = seen
            .map(|(page, text, _)| Tab {
                href: format!("/{site}/{page}"),
                text: *text,
                here: *page == here,
            })
            .collect();
        if account.is_somewhere(Role::It) {
            tabs.push(Tab {
                href: "/accounts".to_owned(),
                text: T.tab_accounts,
                here: here == "accounts",
            });
        }
        let of = |(other, _): &&(SiteId, String)| account.may(other, &Role::ALL);
        let others = places.iter().filter(of).filter(|(other, _)| other != site);
        let place = places.iter().find(|(other, _)| other == site);
        Self {
            t: &T,
            title,
            place: place.map(|(_, name)| name.clone()).unwrap_or_default(),
            person: account.shown.clone(),
            csrf: session.csrf.clone(),
            site: site.to_string(),
            tabs,
            others: others
                .map(|(other, name)| Other {
                    href: format!("/{other}"),
                    name: name.clone(),
                })
                .collect(),
            signs: session
                .emergency
                .then(|| T.emergency_on.of(clock(session.begun + EMERGENCY_SECONDS)))
                .map(|text| ("bad", text))
                .into_iter()
                .collect(),
        }
    }

    /// The first page that an account sees at an institution.
    pub(crate) fn first_page(session: &Session, site: &SiteId) -> Option<String> {
        let account = &session.account;
        let page = PAGES
            .iter()
            .find(|(_, _, roles)| account.may(site, roles))?;
        Some(format!("/{site}/{}", page.0))
    }
}
