// Package api answers the GraphQL queries of a recommendation pipeline's readers, behind an HTTP API of API Gateway: which segments there are, what is in them, how
// runs and bookings go. It makes and cancels bookings, and begins replays. schema.graphql, beside this file, is what it answers; authorizer lets in who has a key.
//
// A query is bounded before it is executed: its length, its depth, and its cost, which counts what it may answer and what it may ask of AWS.
package api
