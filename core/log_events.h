/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has a name in the log: LOG_EVENT(identifier, word, MESSAGE_ID, help). The word is
 * "event" in JSON and GATE64_EVENT in the journal, where the number tells what happened to
 * programs (journalctl MESSAGE_ID=...) and never changes. In brackets: its own fields, in
 * the journal with GATE64_ before them.
 * No include guard: included with LOG_EVENT() as needed.
 */

LOG_EVENT(LOG_EVENT_READY, "ready", "307f163b9056c38d9817747218012676",
	  "gate64 serves")
LOG_EVENT(LOG_EVENT_NOT_STARTED, "start-failed", "54c52b627cb0fbf7edb7c320b6beb678",
	  "gate64 could not start: what it could not do (STEP)")
LOG_EVENT(LOG_EVENT_STOPPING, "stopping", "10a6d0d5e7d0a5bbb07ef94c6a095341",
	  "It was told to stop (SIGNAL); connections of snid may go on for a while")
LOG_EVENT(LOG_EVENT_STOPPED, "stopped", "c55097a5f0686b5bbe06f1f7cb2b03ac",
	  "It has stopped")
LOG_EVENT(LOG_EVENT_RELOADED, "reload-done", "aa768b4859a415d154ab8031bd6695b2",
	  "A changed configuration is in force")
LOG_EVENT(LOG_EVENT_RELOAD_REFUSED, "reload-refused", "ed3b53fef0ffb0c674e60c8187ebf291",
	  "A configuration was refused (TEXT), the old one holds")
LOG_EVENT(LOG_EVENT_NETWORK_CHANGED, "network-changed", "56b95cda8abc52bf9a16009e0baeab72",
	  "The host's addresses or routes are others, and the mapping follows")
LOG_EVENT(LOG_EVENT_UPLINK_LOST, "uplink-lost", "473d1f5819a16b839ef87b91725cbfde",
	  "The uplink has no IPv4 address; flows are kept for a while")
LOG_EVENT(LOG_EVENT_UPLINK_BACK, "uplink-back", "63b64ebcd85b90f13a5f68097b68a4f3",
	  "The uplink has an IPv4 address again")
LOG_EVENT(LOG_EVENT_HOST_PROBLEM, "host-problem", "af292772f766a400932edc06dfd745a2",
	  "Routes or rules could not be set (WHAT); it is tried again")
LOG_EVENT(LOG_EVENT_HOST_MENDED, "host-mended", "cead04fe1da54bd1915587952c94da71",
	  "They could (WHAT)")
LOG_EVENT(LOG_EVENT_HEALED, "healed", "08bd0038b15298357617c1dfdaf8da40",
	  "What others had changed or taken away on the host (WHAT) is as it has to be again")
LOG_EVENT(LOG_EVENT_THREADS_SILENT, "threads-silent", "d8bee6e84477cdc0406c7c41197eacc0",
	  "Threads do not answer (THREADS); the watchdog is not fed meanwhile")
LOG_EVENT(LOG_EVENT_THREADS_ANSWER, "threads-answer", "e948e9ec6198f7031600cdf4542ea4af",
	  "They answer again")
LOG_EVENT(LOG_EVENT_CERTIFICATE_EXPIRES, "certificate-expires", "d9377425f22612680bcfd8f127e3b07b",
	  "The certificate of DNS over TLS has expired, or soon does (DATE)")
LOG_EVENT(LOG_EVENT_RESOLVER_RESTARTED, "resolver-restarted", "09a6537bc83d3c54c8ddd2093b6e64c7",
	  "No server answered, so the resolver has begun afresh")
LOG_EVENT(LOG_EVENT_CONNECTION_REFUSED, "connection-refused", "c860d96949df7f420a37eaa99cdbb5aa",
	  "A connection was refused (snid.log)")
LOG_EVENT(LOG_EVENT_CONNECTION_END, "connection-end", "aef54ad202c97adc7084d654e28f6a4a",
	  "A connection of snid has ended (snid.log)")
LOG_EVENT(LOG_EVENT_SESSION_CREATE, "session-create", "f91392fc76f0ad5d30daec638bb3f158",
	  "The flow log (nat64.log, RFC 8158): a session begins")
LOG_EVENT(LOG_EVENT_SESSION_DELETE, "session-delete", "247987b245df8fa2bb801430a264e9de",
	  "... ends")
LOG_EVENT(LOG_EVENT_BINDING_CREATE, "binding-create", "ff7db1410ef12c9eef9404f389a9c7e9",
	  "... a binding begins")
LOG_EVENT(LOG_EVENT_BINDING_DELETE, "binding-delete", "c57c2f3815b47c036df60ab69c5017c8",
	  "... ends")
LOG_EVENT(LOG_EVENT_BLOCK_ALLOCATE, "block-allocate", "c86fbac360af11952188c1fb03760023",
	  "... a client gets a block of ports")
LOG_EVENT(LOG_EVENT_BLOCK_DEALLOCATE, "block-deallocate", "dce01c7d5bc02d798eaacc025a1e6e98",
	  "... and gives it back")
LOG_EVENT(LOG_EVENT_LINES_LOST, "lines-lost", "58c2afd14d13532c294ab7fd677dbb5d",
	  "Lines of the log were lost (LINES): who should read it did not")
