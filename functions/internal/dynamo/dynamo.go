// Package dynamo writes and reads the attributes of DynamoDB items, and the names that expressions need.
package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Item is a DynamoDB item.
type Item = map[string]types.AttributeValue

// Str is a text.
func Str(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

// Num is a whole number.
func Num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Strs is a list of texts.
func Strs(texts []string) types.AttributeValue {
	list := make([]types.AttributeValue, len(texts))
	for i, text := range texts {
		list[i] = Str(text)
	}
	return &types.AttributeValueMemberL{Value: list}
}

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
func Text(item Item, attribute string) string {
	if value, ok := item[attribute].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

// Int reads a whole number; zero where it is missing or none.
func Int(item Item, attribute string) int64 {
	if value, ok := item[attribute].(*types.AttributeValueMemberN); ok {
		if n, err := strconv.ParseInt(value.Value, 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// Texts reads a list of texts.
func Texts(item Item, attribute string) []string {
	list, ok := item[attribute].(*types.AttributeValueMemberL)
	if !ok {
		return nil
	}
	texts := make([]string, 0, len(list.Value))
	for _, value := range list.Value {
		if text, ok := value.(*types.AttributeValueMemberS); ok {
			texts = append(texts, text.Value)
		}
	}
	return texts
}

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
