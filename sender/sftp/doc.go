// Package sftp is the intake for those who cannot mount an outbox: an SFTP server that takes
// files and gives nothing back.
//
//	client ─ ssh, public key ─ session ─ store: <channel>/sftp/<user>/.pawl-part-NAME    while it is open
//	                                                              │ close: fsync, rename
//	                                                              ▼
//	                                          <channel>/sftp/<user>/NAME ─ rename ─► <channel>/outbox/NAME
//
// A user sees nothing but what he has dropped and what has not gone to the outbox yet: no
// file can be read, not even his own. A file at the top goes to the outbox when it is
// closed; a folder, when nothing in it is open or half there and nothing happened in it for a
// while. What a cut connection leaves stays in the user's folder, where the client can go on
// with it, and is removed after a week.
//
// Every path is checked as the high side will (framing.CheckPath) and opened through os.Root.
// The server makes no links and sets no modes. Connections, open files, octets and entries of
// a user are bounded, and a client that is silent is let go.
package sftp
