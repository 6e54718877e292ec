package votingwindow

// MarkRates marks the ballots of suspicious addresses.
var MarkRates = quarantineRates
