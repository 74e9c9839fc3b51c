//! The command line, as somebody at a terminal meets it.

mod artifact;
mod cancel;
mod checkpoint;
mod class;
mod command;
mod complete;
mod config;
mod coredump;
mod demo;
mod enqueue;
mod grant;
mod handler;
mod hostile;
mod import;
mod init;
mod job;
mod page;
mod progress;
mod reload;
mod retry;
mod secret;
mod serve;
mod shape;
mod waiting;
mod web;
