// Package queue is the domain and the functions of a ticket presale's waiting room: join takes fans to the queue, placer gives each a place in a line
// for ever, keeper draws those who came before the opening, calls fans to free windows and publishes the status, turn lets a fan look, claim, renew and
// leave, service lets the ticketing service redeem, renew and release, control changes a sale while it runs, stream takes joins from a table's stream.
//
// A fan waits in a line of a sale. A window is a lease: it is called, claimed, renewed, and freed by a purchase, by leaving or by running out.
package queue
