// Package dynamo writes and reads the attributes of DynamoDB items, and the names that expressions need.
package dynamo

import (
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Item is a DynamoDB item.
type Item = dynamodb.Item

// Str is a text.
func Str(text string) dynamodb.Value { return dynamodb.String(text) }

// Num is a whole number.
func Num(n int64) dynamodb.Value { return dynamodb.Number(n) }

// Strs is a list of texts.
func Strs(texts []string) dynamodb.Value { return dynamodb.Strings(texts) }

// SetStr leaves an empty text out.
func SetStr(item Item, attribute, text string) {
	if text != "" {
		item[attribute] = Str(text)
	}
}

// SetNum leaves zero out.
func SetNum(item Item, attribute string, n int64) {
	if n != 0 {
		item[attribute] = Num(n)
	}
}

// Text reads a text; empty where it is missing.
func Text(item Item, attribute string) string { return item[attribute].Text() }

// Int reads a whole number; zero where it is missing or none.
func Int(item Item, attribute string) int64 { return item[attribute].Int() }

// Texts reads a list of texts.
func Texts(item Item, attribute string) []string { return item[attribute].Texts() }

// Names are the attribute names of expressions in which each is written as a # and the name itself, of small letters and _; nil where there is none. So
// none can be one of DynamoDB's reserved words (DynamoDB Developer Guide, "Reserved words in DynamoDB").
func Names(expressions ...string) map[string]string {
	var names map[string]string
	for _, expression := range expressions {
		for {
			_, after, found := strings.Cut(expression, "#")
			if !found {
				break
			}
			end := strings.IndexFunc(after, func(char rune) bool { return char != '_' && (char < 'a' || char > 'z') })
			if end < 0 {
				end = len(after)
			}
			if names == nil {
				names = map[string]string{}
			}
			names["#"+after[:end]] = after[:end]
			expression = after[end:]
		}
	}
	return names
}
