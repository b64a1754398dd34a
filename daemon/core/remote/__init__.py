"""Trading at a venue reached over a network: requests go out, and their answers come back as facts.

`RemoteExchange` stands where a simulated exchange stands otherwise (`daemon.core.venue.Exchange`). It is as pure: what
it asks of the venue leaves as a `Request` through an outbox, what the venue says reaches it as an `AccountFact`. A
replay gives it the recorded facts, and it concludes, and asks for, the same.
"""
