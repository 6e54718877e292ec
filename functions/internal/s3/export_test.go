package s3

// ReadPage reads what ListObjectsV2 answers.
var ReadPage = readPage
