// Package bookings is how a segment's data goes to a third party: creator generates the data of the bookings that are due, uploader sends it, notifier tells how
// it ended. A sweeper sees to it that no booking stands still.
//
// A booking in its table is the truth, and every move of it a conditional write; messages only tell a function which booking to look at. So a message that comes
// twice changes nothing, and one that is lost is sent again.
package bookings
