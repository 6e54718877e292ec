package dynamodb

import "strings"

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
