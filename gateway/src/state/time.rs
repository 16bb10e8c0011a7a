//! What is remembered of the time: the latest confirmed moment, what is proven, and whether the
//! centre says otherwise.

use rusqlite::{OptionalExtension, params};

use super::State;
use crate::clock::{Dispute, Proof};
use crate::error::Failure;

pub(super) const MIGRATION: &str = "
    -- That a moment had been when the appliance had been up for so long.
    CREATE TABLE time_proof (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        at_least INTEGER NOT NULL,
        uptime INTEGER NOT NULL
    );
    -- That the centre stored a batch before this clock says that it was sealed.
    CREATE TABLE time_dispute (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        wall INTEGER NOT NULL,
        uptime INTEGER NOT NULL,
        ahead INTEGER NOT NULL
    );
    -- When the source was last read without a confirmed time, by whatever clock there was.
    CREATE TABLE only_collected (only INTEGER PRIMARY KEY CHECK (only = 1), at INTEGER NOT NULL);
";

impl State {
    /// The latest confirmed moment that a run saw, in seconds since 1970.
    pub(crate) fn latest_seen(&self) -> Result<Option<i64>, Failure> {
        let query = self
            .connection
            .query_row("SELECT latest FROM clock", [], |row| row.get(0));
        Ok(query.optional()?)
    }

    /// Remembers that a run saw this moment and that it was confirmed.
    pub(crate) fn saw(&self, seconds: i64) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT INTO clock VALUES (1, ?1) \
             ON CONFLICT (only) DO UPDATE SET latest = max(latest, ?1)",
            [seconds],
        )?;
        Ok(())
    }

    /// What is proven of the time.
    pub(crate) fn time_proof(&self) -> Result<Option<Proof>, Failure> {
        let query = "SELECT at_least, uptime FROM time_proof";
        let proof = self.connection.query_row(query, [], |row| {
            Ok(Proof {
                at_least: row.get(0)?,
                uptime: row.get(1)?,
            })
        });
        Ok(proof.optional()?)
    }

    /// Keeps what is proven of the time.
    pub(crate) fn prove_time(&self, proof: Proof) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT OR REPLACE INTO time_proof VALUES (1, ?1, ?2)",
            params![proof.at_least, proof.uptime],
        )?;
        Ok(())
    }

    /// Whether the centre says otherwise about the time.
    pub(crate) fn time_dispute(&self) -> Result<Option<Dispute>, Failure> {
        let query = "SELECT wall, uptime, ahead FROM time_dispute";
        let dispute = self.connection.query_row(query, [], |row| {
            Ok(Dispute {
                wall: row.get(0)?,
                uptime: row.get(1)?,
                ahead: row.get(2)?,
            })
        });
        Ok(dispute.optional()?)
    }

    /// Keeps that the centre says otherwise about the time.
    pub(crate) fn dispute_time(&self, dispute: Dispute) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT OR REPLACE INTO time_dispute VALUES (1, ?1, ?2, ?3)",
            params![dispute.wall, dispute.uptime, dispute.ahead],
        )?;
        Ok(())
    }

    /// Forgets a dispute whose cause is gone.
    pub(crate) fn settle_dispute(&self) -> Result<(), Failure> {
        self.connection.execute("DELETE FROM time_dispute", [])?;
        Ok(())
    }

    /// When the source was last read without a confirmed time.
    pub(crate) fn only_collected(&self) -> Result<Option<i64>, Failure> {
        let query = "SELECT at FROM only_collected";
        let at = self.connection.query_row(query, [], |row| row.get(0));
        Ok(at.optional()?)
    }

    /// Remembers that the source was read without a confirmed time; `None` forgets it.
    pub(crate) fn collected_only(&self, at: Option<i64>) -> Result<(), Failure> {
        match at {
            Some(at) => self
                .connection
                .execute("INSERT OR REPLACE INTO only_collected VALUES (1, ?1)", [at])?,
            None => self.connection.execute("DELETE FROM only_collected", [])?,
        };
        Ok(())
    }
}
